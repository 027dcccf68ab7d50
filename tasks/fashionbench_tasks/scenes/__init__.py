"""Scenes: a small generated data set that has nothing to do with fashion, in the layout of COCO Captions."""
