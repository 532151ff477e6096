"""How what runs in a sandbox is reached, and what it reaches: held by a small process of its own that lives as long as
the sandbox, whatever becomes of the hub. Outside this package
:mod:`hubkiln.sandbox.relay.holder` is used, and the values of :mod:`hubkiln.sandbox.relay.orders`."""
