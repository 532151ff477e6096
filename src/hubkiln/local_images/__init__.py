"""Images that run on this machine: documents, unpacked layers, and the rooms they become."""
