"""Tiny models with random weights in the published layouts, written to disk by the libraries' own save_pretrained."""

from __future__ import annotations

import json
import string

import tiny_clip

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
IMAGE = {"image_size": 32, "patch_size": 8}


def lively(model, seed=0):
    """Draw weights so large that inputs which differ give outputs that differ."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    return model.eval()


def words(pad="<pad>"):
    """A tokenizer of words, with begin, end and padding."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = [
        pad,
        "<s>",
        "</s>",
        "<unk>",
        "<image>",
        *"a the red blue green dress shirt with long sleeves is of and".split(),
    ]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=["<image>"], model_max_length=16,
    )  # fmt: skip


def clip(folder, seed=0):
    tiny_clip.save(folder, seed)


def siglip(folder, seed=0):
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    config = SiglipConfig(
        text_config={**SMALL, "vocab_size": 18, "max_position_embeddings": 12, "projection_size": 32},
        vision_config={**SMALL, **IMAGE},
    )
    lively(SiglipModel(config), seed).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    words().save_pretrained(folder)


def siglip2(folder, seed=0):
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Tokenizer

    config = Siglip2Config(
        text_config={**SMALL, "vocab_size": 33, "max_position_embeddings": 12, "projection_size": 32},
        vision_config={**SMALL, "patch_size": 16, "num_patches": 256},
    )
    lively(Siglip2Model(config), seed).save_pretrained(folder)
    Siglip2ImageProcessor(patch_size=16, max_num_patches=256).save_pretrained(folder)
    # A tokenizer of letters; its class lower-cases texts by itself.
    letters = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image>", "▁", *string.ascii_lowercase]
    Siglip2Tokenizer(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]).save_pretrained(folder)


def chinese_clip(folder, seed=0):
    from transformers import ChineseCLIPConfig, ChineseCLIPImageProcessor, ChineseCLIPModel

    config = ChineseCLIPConfig(
        text_config={**SMALL, "vocab_size": 18, "max_position_embeddings": 16, "pad_token_id": 0},
        vision_config={**SMALL, **IMAGE},
        projection_dim=24,
    )
    lively(ChineseCLIPModel(config), seed).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    ChineseCLIPImageProcessor(size=size, crop_size=size).save_pretrained(folder)
    words().save_pretrained(folder)


def dinov2(folder, seed=0):
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, **IMAGE)
    lively(Dinov2Model(config), seed).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    BitImageProcessor(size={"shortest_edge": 32}, crop_size=size).save_pretrained(folder)


def _blip2_config(**more):
    from transformers import Blip2Config

    return Blip2Config(
        vision_config={**SMALL, **IMAGE},
        qformer_config={**SMALL, "vocab_size": 18, "max_position_embeddings": 16, "encoder_hidden_size": 32, "use_qformer_text_input": True, "pad_token_id": 0},
        text_config={"model_type": "opt", "vocab_size": 18, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 64, "word_embed_proj_dim": 32, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
        num_query_tokens=4,
        image_text_hidden_size=16,
        **more,
    )  # fmt: skip


def blip2_itm(folder, seed=0):
    from transformers import Blip2ForImageTextRetrieval, BlipImageProcessor

    lively(Blip2ForImageTextRetrieval(_blip2_config()), seed).save_pretrained(folder)
    BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    words().save_pretrained(folder)


def blip2_captioner(folder, seed=0):
    from transformers import Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor

    config = _blip2_config(image_token_index=4)
    config.qformer_config.use_qformer_text_input = False
    lively(Blip2ForConditionalGeneration(config), seed).save_pretrained(folder)
    Blip2Processor(BlipImageProcessor(size={"height": 32, "width": 32}), words(), num_query_tokens=4).save_pretrained(
        folder
    )


def llava(folder, seed=0):
    """A LLaVA of a CLIP tower and a Llama, with a chat template."""
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **SMALL, **IMAGE, "projection_dim": 32},
        text_config={"model_type": "llama", **SMALL, "vocab_size": 18, "num_key_value_heads": 2, "max_position_embeddings": 128, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
        image_token_index=4,
    )  # fmt: skip
    lively(LlavaForConditionalGeneration(config), seed).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    template = (
        "{% for turn in messages %}{% for part in turn['content'] %}"
        "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}is{% endif %}"
    )
    LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size), words(), patch_size=8,
        vision_feature_select_strategy="default", chat_template=template, image_token="<image>", num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip


def open_clip(folder, seed=0):
    """A model in the layout of OpenCLIP's hub repositories, with its own tokenizer of bytes."""
    import open_clip as library
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    model = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    folder.mkdir(parents=True, exist_ok=True)
    network = lively(library.model.CLIP(**model), seed)
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    preprocess = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": preprocess}))


def sentence_transformers(folder, seed=0):
    """A CLIP as sentence-transformers saves it."""
    from sentence_transformers import SentenceTransformer

    try:
        from sentence_transformers.sentence_transformer import modules
    except ImportError:  # before sentence-transformers 6
        from sentence_transformers import models as modules

    inner = folder.parent / f"{folder.name}-clip"
    tiny_clip.save(inner, seed)
    SentenceTransformer(modules=[modules.CLIPModel(str(inner))]).save(str(folder))


def inpainting(folder, seed=0):
    """A Stable Diffusion inpainting pipeline: nine channels into the UNet, a VAE that halves, CLIP's text encoder."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = tiny_clip.tokenizer()
    tokenizer.model_max_length = 77
    torch.manual_seed(seed)
    blocks = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=9, out_channels=4, cross_attention_dim=32, attention_head_dim=4, **blocks,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = AutoencoderKL(
        latent_channels=4, sample_size=16, **blocks,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    config = CLIPTextConfig(
        **SMALL, vocab_size=len(tokenizer), max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    StableDiffusionInpaintPipeline(
        vae=vae, text_encoder=lively(CLIPTextModel(config)), tokenizer=tokenizer, unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip


def ip_adapter(folder, seed=0):
    """An IP-Adapter for the UNet of :func:`inpainting`, with its image encoder, in the layout of h94/IP-Adapter."""
    import torch
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(**SMALL, **IMAGE, projection_dim=24)
    lively(CLIPVisionModelWithProjection(config), seed).save_pretrained(folder / "image_encoder")
    torch.manual_seed(seed)
    weights = {
        "image_proj.proj.weight": torch.randn(4 * 32, 24),
        "image_proj.proj.bias": torch.randn(4 * 32),
        "image_proj.norm.weight": torch.ones(32),
        "image_proj.norm.bias": torch.zeros(32),
    }
    # Cross-attentions have the odd numbers: one down, two up, and one in the middle, all of 16 channels.
    for number in (1, 3, 5, 7):
        for name in ("to_k_ip", "to_v_ip"):
            weights[f"ip_adapter.{number}.{name}.weight"] = torch.randn(16, 32)
    save_file(weights, folder / "ip-adapter_tiny.safetensors")


def llama(folder, seed=0, *, chat=True):
    """A Llama of words, with a chat template or without."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        **SMALL, vocab_size=18, num_key_value_heads=2, max_position_embeddings=256, pad_token_id=0, bos_token_id=1,
        eos_token_id=2,
    )  # fmt: skip
    lively(LlamaForCausalLM(config), seed).save_pretrained(folder)
    tokenizer = words()
    if chat:
        tokenizer.chat_template = "{% for turn in messages %}{{ turn['content'] }} {% endfor %}is"
    tokenizer.save_pretrained(folder)


def llama_without_chat(folder, seed=0):
    llama(folder, seed, chat=False)
