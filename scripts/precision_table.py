#!/usr/bin/env python3
"""Trains the tiny and the odd model on the quickstart's pictures in f32, f16 and bf16, and tells how far
the losses of 16 bits are from f32's: the table of Documentation/0004-precision.md. A line of its own tells
how far f32 at a learning rate of 1e-12 is: what weights that do not move would give, which the limit must tell.

    scripts/precision_table.py [--vkxl .build/release/vkxl] [--steps 200] [--sizes tiny,odd] [--work FOLDER]

AdamW at learning rate 1e-4; tiny from the quickstart's checkpoint at batch 8, odd from the weights of
`vkxl init` at batch 2. Limit: 2 %, of the last loss and of the mean of the last 50. Python's standard
library is enough; takes about a quarter of an hour on two processor cores.
"""
import argparse, json, os, subprocess, sys, tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
LIMIT = 0.02
STILL = "1e-12"


def train(options, size, precision, folder, rate="1e-4"):
    """Losses by step, and the updates that were skipped."""
    out = os.path.join(folder, f"{size}-{precision}-{rate}")
    settings = {
        "model.precision": precision, "optimizer.learning_rate": rate, "training.max_steps": options.steps,
        "output.folder": out, "output.save_every": 0, "output.grid": "false", "output.samples": "[]",
        "data.cache_folder": os.path.join(folder, "cache"), "device.tune": "false",
    }
    if size == "odd":
        checkpoint = os.path.join(folder, "odd.safetensors")
        if not os.path.exists(checkpoint):
            subprocess.run([options.vkxl, "init", "--size", "odd", "--out", checkpoint], check=True)
        settings |= {
            "model.checkpoint": checkpoint, "model.text_encoders": "same", "training.batch_size": 2}
    arguments = [options.vkxl, "train", "--config", os.path.join(ROOT, "Examples", "quickstart.yaml")]
    for key, value in settings.items():
        arguments += ["--set", f"{key}={value}"]
    result = subprocess.run(arguments, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    with open(os.path.join(out, "metrics.jsonl")) as file:
        steps = [line for line in map(json.loads, file) if "loss" in line]
    return [line["loss"] for line in steps], steps[-1].get("skipped_steps", 0)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vkxl", default=os.path.join(ROOT, ".build", "release", "vkxl"))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--sizes", default="tiny,odd")
    parser.add_argument("--work", help="folder for files that are removed at the end")
    options = parser.parse_args()
    failures = 0
    print(f"| size | precision | step {options.steps} | mean of the last 50 | skipped |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="vkxl-precision-", dir=options.work) as folder:
        for size in options.sizes.split(","):
            expected, _ = train(options, size, "f32", folder)
            for precision, rate in (("f16", "1e-4"), ("bf16", "1e-4"), ("f32", STILL)):
                found, skipped = train(options, size, precision, folder, rate)
                last = found[-1] / expected[-1] - 1
                mean = sum(found[-50:]) / sum(expected[-50:]) - 1
                is_near = max(abs(last), abs(mean)) <= LIMIT
                failures += is_near == (rate == STILL)
                precision += f", rate {STILL}" if rate == STILL else ""
                count = skipped if precision == "f16" else ""
                print(
                    f"| {size} | {precision} | {100 * last:.2f} % | {100 * mean:.2f} % | {count} |", flush=True)
    if failures:
        sys.exit(f"{failures} lines are not as they should be: {100 * LIMIT:g} % or more at rate {STILL} alone")


if __name__ == "__main__":
    main()
