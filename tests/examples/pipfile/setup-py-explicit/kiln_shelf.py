import inflection

NAME = inflection.pluralize("shelf")
