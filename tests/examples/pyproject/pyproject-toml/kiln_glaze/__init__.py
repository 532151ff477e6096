import inflection


def main():
    print(inflection.titleize("celadon glaze"))
