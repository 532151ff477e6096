from pathlib import Path


def main():
    print(Path(__file__).with_name("sizes.txt").read_text().strip())


def _load_jupyter_server_extension(server):
    server.log.info("kiln ovens are hot")
