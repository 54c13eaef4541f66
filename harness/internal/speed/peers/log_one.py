"""Records points with one tracker: log_one.py NAME FOLDER POINTS, a part of log_peers.py.

It says "ready", waits for a line, records, and says "done" when the tracker says that all is written. With "prepare"
instead of POINTS it only makes an empty store, where the tracker does not make it by itself.
"""
import sys


def trackio(folder, prepare):
    import trackio
    if prepare:
        return None, lambda: None
    trackio.init(project="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return (lambda step, value: trackio.log({"loss": value}, step=step)), trackio.finish


def wandb(folder, prepare):
    import wandb
    if prepare:
        return None, lambda: None
    run = wandb.init(project="bench", mode="offline", dir=folder,
                     settings=wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, disable_code=True))
    return (lambda step, value: run.log({"loss": value}, step=step)), run.finish


def aim(folder, prepare):
    from aim import Repo, Run
    if prepare:
        return None, Repo.from_path(folder, init=True).close
    run = Run(repo=folder, system_tracking_interval=None, capture_terminal_logs=False, log_system_params=False)
    return (lambda step, value: run.track(value, name="loss", step=step)), run.close


def mlflow(folder, prepare):
    """By its fastest way, batches of as many points as it takes."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    if prepare:
        return None, lambda: client.search_experiments()
    run, batch = client.create_run("0"), []

    def flush():
        client.log_batch(run.info.run_id, metrics=batch)
        batch.clear()

    def log(step, value):
        batch.append(Metric("loss", value, 0, step))
        if len(batch) == 1000:
            flush()

    def finish():
        flush()
        client.set_terminated(run.info.run_id)

    return log, finish


def main():
    name, folder, points = sys.argv[1:]
    log, finish = globals()[name](folder, points == "prepare")
    if points == "prepare":
        finish()
        return
    print("ready", flush=True)
    sys.stdin.readline()
    for step in range(1, int(points) + 1):
        log(step, 1 / step)
    finish()
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
