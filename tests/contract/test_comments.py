"""Whoever reads only the contract can read all of it, in English or in Chinese."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2}")


def test_everything_has_a_comment_in_both_languages(root: Path, tmp_path: Path) -> None:
    """Every message, field, enum, value, service and method says in English and Chinese what it is."""
    image = tmp_path / "image.binpb"
    protos = root / "protos"
    sources = sorted(path.relative_to(protos) for path in protos.glob("yidi/**/*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    options = [f"-I{protos}", f"-I{well_known}", "--include_source_info", f"--descriptor_set_out={image}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *sources], check=True)

    seen, wanting = 0, []
    for file in FileDescriptorSet.FromString(image.read_bytes()).file:
        comments = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
        for name, path in elements(file):
            seen += 1
            comment = comments.get(path, "")
            if not (CHINESE.search(comment) and ENGLISH.search(comment)):
                wanting.append(f"{file.name}: {name}: {comment!r}")
    assert seen > 500
    assert wanting == []


def elements(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names of all that wants a comment, with its path: pairs of field number and index in descriptor.proto."""
    for m, message in enumerate(file.message_type):
        yield message.name, (4, m)
        for f, field in enumerate(message.field):
            yield f"{message.name}.{field.name}", (4, m, 2, f)
    for e, enum in enumerate(file.enum_type):
        yield enum.name, (5, e)
        for v, value in enumerate(enum.value):
            yield value.name, (5, e, 2, v)
    for s, service in enumerate(file.service):
        yield service.name, (6, s)
        for m, method in enumerate(service.method):
            yield f"{service.name}.{method.name}", (6, s, 2, m)
    for x, extension in enumerate(file.extension):
        yield extension.name, (7, x)
