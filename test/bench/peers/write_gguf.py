"""Writes an OLMoE checkpoint as GGUF: python3 write_gguf.py MODEL_FOLDER OUT.gguf F32|Q4_0. Needs `pip install gguf`.

At Q4_0 (blocks of 32 with one scale) every matrix product but the router's is quantized, as the studio's int4 does; the embedding
table, which is only looked up, and gains stay float32. Tensors are read and written one after the other.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants

folder, out, dtype = Path(sys.argv[1]), sys.argv[2], GGMLQuantizationType[sys.argv[3]]
config = json.loads((folder / "config.json").read_text())
weights = folder / "model.safetensors"
with open(weights, "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
file_bytes = np.memmap(weights, np.uint8, "r", offset=8 + length)


def read(name):
    start, end = header[name]["data_offsets"]
    bits = file_bytes[start:end].view(np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32).reshape(header[name]["shape"])


def quantized(values, wanted):
    return values if wanted == GGMLQuantizationType.F32 else quants.quantize(values, wanted)


F32 = GGMLQuantizationType.F32
# Name in GGUF, names of the checkpoint's tensors (stacked where there are several), type.
tensors = [("token_embd", ["model.embed_tokens"], F32), ("output_norm", ["model.norm"], F32)]
tensors.append(("output", ["model.embed_tokens"], dtype))
for layer in range(config["num_hidden_layers"]):
    to, source = f"blk.{layer}.", f"model.layers.{layer}."
    tensors += [(to + "attn_norm", [source + "input_layernorm"], F32)]
    tensors += [(to + "ffn_norm", [source + "post_attention_layernorm"], F32)]
    for part in "qk":
        tensors.append((f"{to}attn_{part}_norm", [f"{source}self_attn.{part}_norm"], F32))
    for part, name in (("q", "q"), ("k", "k"), ("v", "v"), ("o", "output")):
        tensors.append((f"{to}attn_{name}", [f"{source}self_attn.{part}_proj"], dtype))
    tensors.append((to + "ffn_gate_inp", [source + "mlp.gate"], F32))
    for part in ("gate", "up", "down"):
        experts = [f"{source}mlp.experts.{expert}.{part}_proj" for expert in range(config["num_experts"])]
        tensors.append((f"{to}ffn_{part}_exps", experts, dtype))

writer = GGUFWriter(out, "olmoe")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(config["num_attention_heads"])
writer.add_head_count_kv(config["num_key_value_heads"])
writer.add_rope_freq_base(config["rope_theta"])
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_expert_count(config["num_experts"])
writer.add_expert_used_count(config["num_experts_per_tok"])
writer.add_vocab_size(config["vocab_size"])
# Tokens are given and taken as ids; the tokenizer that llama.cpp asks for only has to have as many.
tokens = [f"<0x{id:02X}>" if id < 256 else f"token{id}" for id in range(config["vocab_size"])]
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * len(tokens))
writer.add_token_types([TokenType.BYTE if id < 256 else TokenType.NORMAL for id in range(len(tokens))])
for name, sources, wanted in tensors:
    shape = header[sources[0] + ".weight"]["shape"]
    if len(sources) > 1:
        shape = [len(sources), *shape]
    stored = shape if wanted == F32 else quants.quant_shape_to_byte_shape(shape, wanted)
    size = int(np.prod(stored)) * (4 if wanted == F32 else 1)
    kind = np.dtype(np.float32 if wanted == F32 else np.uint8)
    writer.add_tensor_info(name + ".weight", stored, kind, size, raw_dtype=None if wanted == F32 else wanted)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_ti_data_to_file()
for name, sources, wanted in tensors:
    parts = [quantized(read(source + ".weight"), wanted) for source in sources]
    writer.write_tensor_data(parts[0] if len(parts) == 1 else np.stack(parts))
writer.close()
