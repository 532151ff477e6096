"""Who may be asked over the network: the admin's rule, checked on the address that is then connected to."""
