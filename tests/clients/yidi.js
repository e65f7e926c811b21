'use strict';
// A hospital's connection to its hub: mutual TLS, request ids, refusals, and what to send again.

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const FILES = ['eligibility', 'encounter', 'fee', 'settlement'].map((name) => `yidi/v1/${name}.proto`);
// int64 as text: a JavaScript number holds 53 bits, an amount may need more. Field names stay the national ones.
const LOADING = { keepCase: true, longs: String, enums: String, defaults: true };

// The two messages of a refusal, field numbers as published by gRPC, so that no further proto file is needed.
const rpc = protobuf.Root.fromJSON({
  nested: {
    Any: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
    Status: {
      fields: {
        code: { type: 'int32', id: 1 },
        message: { type: 'string', id: 2 },
        details: { rule: 'repeated', type: 'Any', id: 3 },
      },
    },
    ErrorInfo: {
      fields: {
        reason: { type: 'string', id: 1 },
        domain: { type: 'string', id: 2 },
        metadata: { keyType: 'string', type: 'string', id: 3 },
      },
    },
    Duration: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
    RetryInfo: { fields: { retry_delay: { type: 'Duration', id: 1 } } },
  },
}, new protobuf.Root());

function detail(status, name) {
  const found = status.details.find((any) => any.type_url.endsWith(`/google.rpc.${name}`));
  return found && rpc.lookupType(name).decode(found.value);
}

// What a failed call says. Without an ErrorInfo of a hub (a broken line, our own deadline) the outcome is unknown.
function refusal(error) {
  const [trailer] = error.metadata ? error.metadata.get('grpc-status-details-bin') : [];
  const status = trailer && rpc.lookupType('Status').decode(trailer);
  const info = status && detail(status, 'ErrorInfo');
  if (!info || info.domain !== 'yidi') {
    return { reason: '', retry: 'enquire', delayMs: 1000, text: error.message };
  }
  const wait = detail(status, 'RetryInfo');
  return {
    reason: info.reason,
    code: info.metadata.code,
    retry: info.metadata.retry,
    delayMs: wait ? Number(wait.retry_delay.seconds) * 1000 : 1000,
    text: info.metadata.text_zh,
    next: info.metadata.next_zh,
    param: (name) => info.metadata[`param_${name}`],
  };
}

class Hub {
  constructor({ protos, address, division, institution, certificate, key, authorities }) {
    const tree = grpc.loadPackageDefinition(loader.loadSync(FILES, { ...LOADING, includeDirs: [protos] })).yidi.v1;
    this.methods = {};
    for (const service of Object.values(tree)) {
      for (const [name, method] of Object.entries(service.service || {})) this.methods[name] = method;
    }
    const credentials = grpc.credentials.createSsl(
      fs.readFileSync(authorities), fs.readFileSync(key), fs.readFileSync(certificate));
    this.client = new grpc.Client(address, credentials, {
      'grpc.ssl_target_name_override': `${division}.hub.yidi`, // the name in the hub's certificate
      'grpc.default_authority': `${division}.hub.yidi`,
      'grpc.keepalive_time_ms': 60000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_receive_message_length': 32 << 20,
      'grpc.enable_retries': 0, // what may be sent again is said by the refusal, see carryOut
    });
    Object.assign(this, { division, institution, serial: 0 });
  }

  // China time, which every hub and every field uses.
  now(minutes = 0) {
    return new Date(Date.now() + (8 * 60 + minutes) * 60000).toISOString().slice(0, 19).replace('T', ' ');
  }

  // A request header with a fresh id: institution, time, serial. Store the id before the request is sent.
  header(insured) {
    const time = this.now();
    this.serial += 1;
    return {
      msgid: this.institution + time.replace(/\D/g, '') + String(this.serial).padStart(4, '0'),
      mdtrtarea_admvs: this.division,
      insuplc_admdvs: insured,
      fixmedins_code: this.institution,
      opter_type: '1',
      opter: '001',
      opter_name: '示范经办',
      inf_time: time,
      infver: 'V1.0',
    };
  }

  // One sending; the bytes of the answer and what they say. Rejects with an error that has a `refusal`.
  send(name, request, seconds = 30) {
    const { path, requestSerialize, responseDeserialize } = this.methods[name];
    const deadline = Date.now() + seconds * 1000;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, requestSerialize, (raw) => raw, request, { deadline }, (error, raw) => {
        if (error) reject(Object.assign(error, { refusal: refusal(error) }));
        else resolve({ raw, answer: responseDeserialize(raw) });
      });
    });
  }

  // Send, and send the very same request again as long as that may help: never with a fresh msgid.
  async carryOut(name, request, attempts = 5) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.send(name, request);
      } catch (error) {
        if (error.refusal.retry === 'never' || attempt === attempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, error.refusal.delayMs));
      }
    }
  }

  close() {
    this.client.close();
  }
}

module.exports = { Hub };
