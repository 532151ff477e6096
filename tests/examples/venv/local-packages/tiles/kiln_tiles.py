NAME = "tiles"
