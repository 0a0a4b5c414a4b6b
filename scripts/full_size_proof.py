#!/usr/bin/env python3
"""Proves on this machine that the real model's size works: SDXL's UNet of 2,567,463,684 parameters with
synthetic weights, latent 16 x 16, against PyTorch.

    scripts/full_size_proof.py [--references FOLDER] [--vkxl .build/release/vkxl] [--work FOLDER]
                               [--device NAME]
                               [--parts forward-f32,forward-f16,forward-bf16,step-bf16,train-bf16]

References are, in Tests/ModelTests/Fixtures/reference, two files that PyTorch and diffusers made, on the
weights of `vkxl init --size full` (their rule is in Sources/Model/Checkpoint/SyntheticTensors.swift):

    unet-full-v.safetensors   one forward pass in f32: sample, timestep, context, pooled, time_ids and
                              the prediction
    grads-full-v.safetensors  one v-prediction loss in f32, without zero terminal SNR: latents, noise,
                              time, context, pooled, time_ids, loss, and norm.NAME, the norm of the
                              gradient of each parameter

What is checked, by relative error:

    forward-f32, -f16, -bf16  the prediction (L2)            1e-4, 5e-3, 3e-2
    step-bf16                 a training step with 8-bit AdamW, updates within the backward pass:
                              the loss, the norm of all gradients      2 %
                              the norm of each parameter's gradient    6 %
                              bytes allocated beside those planned     1 %
    train-bf16                `vkxl train`, one step with Adafactor on two pictures of 64 x 64, caching
                              and saving included: peak beside the planned one, and
                              beside that of `vkxl plan`               1 %
    all parts                 peak of resident memory                 24 GB

Takes 19 GB of disk (7 without train-bf16), in FOLDER, which are freed at the end, and 12 GB of memory.
Prints time and peak of resident memory of each part; on a CPU device that is device memory and the host's.
Python's standard library is enough.
"""
import argparse, array, json, math, os, shutil, struct, subprocess, sys, tempfile, time

LIMITS = {"forward-f32": 1e-4, "forward-f16": 5e-3, "forward-bf16": 3e-2}
REFERENCES = os.path.join(
    os.path.dirname(__file__), "..", "Tests", "ModelTests", "Fixtures", "reference")
LOSS_LIMIT, NORM_LIMIT, PLAN_LIMIT, PEAK_LIMIT = 0.02, 0.06, 0.01, 24
PARTS = list(LIMITS) + ["step-bf16", "train-bf16"]
PICTURES = os.path.join(os.path.dirname(__file__), "..", "Examples", "quickstart", "data", "10_shapes")
CONFIGURATION = """
model: {checkpoint: full.safetensors, precision: bf16}
data: {folder: pictures, resolution: 64, buckets: false, cache_folder: cache}
training: {batch_size: 1, max_steps: 1, max_grad_norm: 0}
objective: {type: v}
optimizer: {type: adafactor, learning_rate: 1e-6}
memory: {gradients: last_norm, budget: 16GiB}
output: {folder: out, grid: false}
device: {tune: false}
"""


def tensors(path):
    """Values of a safetensors file's F32 and F64 tensors by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        found = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in ("F32", "F64"):
                continue
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            values = array.array("f" if entry["dtype"] == "F32" else "d")
            values.frombytes(file.read(end - begin))
            found[name] = values
    return found


def relative(found, expected):
    """L2 norm of the difference over that of what is expected."""
    if len(found) != len(expected):
        sys.exit(f"{len(found)} values where {len(expected)} are expected")
    difference = math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(found, expected)))
    return difference / math.sqrt(math.fsum(b * b for b in expected))


def run(arguments, messages=None):
    """Runs a command, its standard error into a file if one is given; its seconds and peak of resident
    memory in GB."""
    start = time.monotonic()
    process = subprocess.Popen(arguments, stderr=messages)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(arguments)}")
    return time.monotonic() - start, usage.ru_maxrss * 1024 / 1e9


def amount(messages, text):
    """Bytes of a message such as `peak device memory: 4.94 GiB`."""
    words = [line[len(text):].split() for line in messages.splitlines() if line.startswith(text)][-1]
    return float(words[0]) * 1024 ** ["bytes", "KiB", "MiB", "GiB"].index(words[1].rstrip(",;"))


class Proof:
    def __init__(self, options, work):
        self.options, self.work, self.failures = options, work, 0
        self.model = os.path.join(work, "full.safetensors")

    def report(self, name, value, limit):
        good = value <= limit
        self.failures += not good
        print(f"  {name}: {value:.3g} (limit {limit:g})" + ("" if good else "  TOO MUCH"), flush=True)

    def vkxl(self, name, *arguments, messages=None):
        seconds, peak = run([self.options.vkxl, *arguments], messages)
        print(f"{name}: {seconds:.0f} s, peak {peak:.1f} GB", flush=True)
        if peak > PEAK_LIMIT:
            self.report("peak in GB", peak, PEAK_LIMIT)

    def forward(self, name, kind, reference, *arguments):
        out = os.path.join(self.work, "out.safetensors")
        device = ["--device", self.options.device] if self.options.device else []
        self.vkxl(name, "forward", kind, "--model", self.model, "--inputs", reference, "--out", out,
                  "--precision", name.split("-")[1], *device, *arguments)
        return tensors(out), tensors(reference)

    def prediction(self, name):
        reference = os.path.join(self.options.references, "unet-full-v.safetensors")
        found, expected = self.forward(name, "unet", reference)
        self.report("prediction", relative(found["prediction"], expected["prediction"]), LIMITS[name])

    def step(self, name):
        reference = os.path.join(self.options.references, "grads-full-v.safetensors")
        found, expected = self.forward(
            name, "step", reference, "--objective", "v", "--optimizer", "adamw8bit")
        print(f"  {found['bytes'][0] / 1e9:.2f} GB on the device")
        self.report("bytes beside those planned", relative(found["bytes"], found["planned_bytes"]), PLAN_LIMIT)
        self.report("updates less 1", abs(found["step"][0] - 1), 0)
        norms = {key: value[0] for key, value in expected.items() if key.startswith("norm.")}
        if missing := norms.keys() - found.keys():
            sys.exit(f"no {sorted(missing)[0]} and {len(missing) - 1} more")
        whole = math.sqrt(math.fsum(value * value for value in norms.values()))
        self.report("loss", relative(found["loss"], expected["loss"]), LOSS_LIMIT)
        self.report("norm of all gradients", relative(found["gradient_norm"], [whole]), LOSS_LIMIT)
        errors = {key: abs(found[key][0] - value) / value for key, value in norms.items()}
        worst = max(errors, key=errors.get)
        print(f"  {len(errors)} gradients")
        self.report(f"norm of the worst, {worst[5:]}", errors[worst], NORM_LIMIT)

    def train(self, name):
        pictures = os.path.join(self.work, "pictures")
        os.mkdir(pictures)
        for file in sorted(os.listdir(PICTURES))[:4]:
            shutil.copy(os.path.join(PICTURES, file), pictures)
        path = os.path.join(self.work, "train.yaml")
        with open(path, "w") as file:
            file.write(CONFIGURATION)
        device = ["--device", self.options.device] if self.options.device else []
        plan = os.path.join(self.work, "plan.json")
        subprocess.run(
            [self.options.vkxl, "plan", "--config", path, "--json", plan, *self.options.plan.split()],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(plan) as file:
            foreseen = max(phase["bytes"] for phase in json.load(file)["phases"])
        with open(os.path.join(self.work, "messages"), "w+") as messages:
            self.vkxl(name, "train", "--config", path, *device, messages=messages)
            messages.seek(0)
            text = messages.read()
        planned, peak = (amount(text, name) for name in ("planned peak device memory: ", "peak device memory: "))
        print(f"  {peak / 1e9:.2f} GB on the device")
        self.report("peak beside the planned one", abs(peak / planned - 1), PLAN_LIMIT)
        self.report("peak beside that of `vkxl plan`, without the device", abs(peak / foreseen - 1), PLAN_LIMIT)

    def prove(self):
        self.vkxl("init", "init", "--size", "full", "--out", self.model)
        parts = {"step-bf16": self.step, "train-bf16": self.train}
        for name in self.options.parts.split(","):
            parts.get(name, self.prediction)(name)
        print(f"{self.failures} figures are beyond their limits" if self.failures else "all within limits")
        return self.failures


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", default=REFERENCES)
    parser.add_argument("--vkxl", default=".build/release/vkxl")
    parser.add_argument("--work", help="folder for files that are removed at the end")
    parser.add_argument("--device")
    parser.add_argument(
        "--plan", default="--matrix-units none --unified-memory",
        help="options of `vkxl plan` that describe the device; the default's are lavapipe's")
    parser.add_argument("--parts", default=",".join(PARTS))
    options = parser.parse_args()
    if unknown := [part for part in options.parts.split(",") if part not in PARTS]:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    work = tempfile.mkdtemp(prefix="vkxl-proof-", dir=options.work)
    try:
        sys.exit(min(1, Proof(options, work).prove()))
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
