#!/usr/bin/env python3
"""Writes Tests/TrainTests/Fixtures/samplers.safetensors: what diffusers' schedulers make of the tiny
model in 20 steps, for every sampler, prediction and spacing that both know.

    make_sampler_references.py FOLDER_OF_REFERENCE_PY OUT.safetensors

Model and inputs are those of reference.py (seed 0, latent 8x8), which any language can rebuild.
For each case: NAME.latents, NAME.timesteps and NAME.sigmas (none for DDIM). Samplers that add noise
are given `input.step_noise` [20, 1, 4, 8, 8] by the same formula.
Versions: torch 2.13.0, diffusers 0.42.1, scipy (for the beta spacing).
"""
import sys

sys.path.insert(0, sys.argv[1])
import diffusers as D
import reference as R
import torch
from safetensors.torch import save_file

STEPS = 20
PREDICTION = {"v": "v_prediction", "eps": "epsilon", "flow": "flow_prediction"}
net = R.load_unet("tiny").eval()
step_noise = torch.from_numpy(R.inputs("input.step_noise", (STEPS, 1, 4, 8, 8), 0))
result = {}


def schedule(objective, spacing, **more):
    return dict(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        num_train_timesteps=1000, prediction_type=PREDICTION[objective], timestep_spacing=spacing,
        steps_offset=1 if spacing == "leading" else 0, **more)


def run(name, scheduler, objective, noisy=None, **step):
    """noisy: 'variance_noise' if the scheduler takes it, 'global' if it draws with randn_tensor."""
    b = R.batch("tiny", 1, 8, 8, 0, objective)
    scheduler.set_timesteps(STEPS)
    x = b["noise"] * getattr(scheduler, "init_noise_sigma", 1.0)
    with torch.no_grad():
        for index, t in enumerate(scheduler.timesteps):
            scaled = (
                scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x)
            out = net(
                scaled, t, b["context"],
                added_cond_kwargs=dict(text_embeds=b["pooled"], time_ids=b["time_ids"])).sample
            if noisy == "variance_noise":
                step["variance_noise"] = step_noise[index]
            if noisy == "global":
                module = sys.modules[type(scheduler).__module__]
                module.randn_tensor = lambda *a, index=index, **k: step_noise[index]
            x = scheduler.step(out, t, x, **step).prev_sample
    result[name + ".latents"] = x.clone()
    result[name + ".timesteps"] = scheduler.timesteps.double()
    if hasattr(scheduler, "sigmas"):
        result[name + ".sigmas"] = scheduler.sigmas.double()


for o in ("eps", "v"):
    for s in ("leading", "trailing", "linspace"):
        run(f"euler-{o}-{s}", D.EulerDiscreteScheduler(**schedule(o, s)), o)
        run(f"dpmpp_2m-{o}-{s}", D.DPMSolverMultistepScheduler(**schedule(o, s)), o)
        run(f"unipc-{o}-{s}", D.UniPCMultistepScheduler(**schedule(o, s)), o)
        run(f"heun-{o}-{s}", D.HeunDiscreteScheduler(**schedule(o, s)), o)
    for s in ("leading", "trailing"):
        ddim = D.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **schedule(o, s))
        run(f"ddim-{o}-{s}", ddim, o)
    karras = schedule(o, "leading", use_karras_sigmas=True)
    run(f"euler-{o}-karras", D.EulerDiscreteScheduler(**karras), o)
    run(f"heun-{o}-karras", D.HeunDiscreteScheduler(**karras), o)
    run(f"dpmpp_2m-{o}-karras", D.DPMSolverMultistepScheduler(**karras), o)
    run(f"unipc-{o}-karras", D.UniPCMultistepScheduler(**karras), o)
    ancestral = D.EulerAncestralDiscreteScheduler(**schedule(o, "leading"))
    run(f"euler_ancestral-{o}-leading", ancestral, o, noisy="global")
    sde = D.DPMSolverMultistepScheduler(
        algorithm_type="sde-dpmsolver++", **schedule(o, "leading"))
    run(f"dpmpp_2m_sde-{o}-leading", sde, o, noisy="variance_noise")
    ddpm = D.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **schedule(o, "leading"))
    run(f"ddim_eta-{o}-leading", ddpm, o, noisy="variance_noise", eta=1.0)

    for ramp in ("exponential", "beta"):
        settings = schedule(o, "leading", **{f"use_{ramp}_sigmas": True})
        run(f"euler-{o}-{ramp}", D.EulerDiscreteScheduler(**settings), o)
        run(f"dpmpp_2m-{o}-{ramp}", D.DPMSolverMultistepScheduler(**settings), o)
        run(f"unipc-{o}-{ramp}", D.UniPCMultistepScheduler(**settings), o)

ztsnr = schedule("v", "trailing", rescale_betas_zero_snr=True)
run("euler-ztsnr-trailing", D.EulerDiscreteScheduler(**ztsnr), "v")
run("dpmpp_2m-ztsnr-trailing", D.DPMSolverMultistepScheduler(**ztsnr), "v")
run("unipc-ztsnr-trailing", D.UniPCMultistepScheduler(**ztsnr), "v")
run("ddim-ztsnr-trailing",
    D.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **ztsnr), "v")

run("euler-flow-shift", D.FlowMatchEulerDiscreteScheduler(shift=2.5), "flow")
run("heun-flow-given", D.FlowMatchHeunDiscreteScheduler(shift=2.5), "flow")
run("dpmpp_2m-flow-given",
    D.DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=2.5), "flow")

save_file(
    {k: v.contiguous() for k, v in result.items()}, sys.argv[2],
    {"script": "scripts/make_sampler_references.py", "torch": torch.__version__,
     "diffusers": D.__version__})
