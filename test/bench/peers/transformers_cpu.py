"""Times transformers on the CPU: python3 transformers_cpu.py '{"model", "threads", "prompts", "newTokens"}'; answers in JSON."""
import json
import sys
import time

import torch
import transformers

asked = json.loads(sys.argv[1])
torch.set_num_threads(asked["threads"])
model = transformers.AutoModelForCausalLM.from_pretrained(asked["model"], dtype=torch.float32).eval()


def run(prompt):
    tokens = []
    begun = time.perf_counter()
    output = model(torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
    tokens.append(int(output.logits[0, -1].argmax()))
    prefilled = time.perf_counter()
    for _ in range(asked["newTokens"] - 1):
        output = model(torch.tensor([tokens[-1:]]), cache=output.cache, use_cache=True)
        tokens.append(int(output.logits[0, -1].argmax()))
    ended = time.perf_counter()
    return {"prefillMs": (prefilled - begun) * 1000, "decodeMs": (ended - prefilled) * 1000, "tokens": tokens}


with torch.inference_mode():
    print(json.dumps({"version": transformers.__version__, "prompts": [run(prompt) for prompt in asked["prompts"]]}))
