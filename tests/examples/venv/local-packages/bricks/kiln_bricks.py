import inflection

NAME = inflection.pluralize("brick")
