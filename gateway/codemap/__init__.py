"""Code maps in a running hub and in the hands of its operators; what they are is in ``codemaps``."""
