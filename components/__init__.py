"""What runs inside the containers: four steps (verbs) and the nouns that they share."""
