"""Caption metrics: BLEU, METEOR, ROUGE-L, CIDEr, SPICE, and the distance of styles."""
