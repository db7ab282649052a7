"""Trains LightGBM on the numbers that TestAgainstLightGBM wrote; prints one line of JSON.

usage: reference.py FILE ROWS COLUMNS TRAINING_ROWS THREADS TREES LEAVES MIN_LEAF RATE BINS [LEVEL...]
FILE holds the matrix (row-major), then one label a row, little-endian float64.
"""
import json
import sys
import time

import lightgbm as lgb
import numpy as np

file, *numbers = sys.argv[1:]
rows, columns, training, threads, trees, leaves, min_leaf = map(int, numbers[:7])
rate, bins, levels = float(numbers[7]), int(numbers[8]), [float(v) for v in numbers[9:]]
data = np.fromfile(file, dtype="<f8")
x, y = data[: rows * columns].reshape(rows, columns), data[rows * columns :]
params = {
    "num_leaves": leaves, "learning_rate": rate, "min_data_in_leaf": min_leaf, "min_sum_hessian_in_leaf": 0,
    "num_threads": threads, "verbose": -1, "max_bin": bins, "feature_pre_filter": False,
}
wall, cpu = time.perf_counter(), time.process_time()
loss = 0.0
train = lgb.Dataset(x[:training], y[:training], params=params).construct()
for level in levels or [None]:
    goal = {"objective": "binary"} if level is None else {"objective": "quantile", "alpha": level}
    model = lgb.train({**params, **goal}, train, trees)
    pause = time.perf_counter(), time.process_time()  # scoring is not timed
    f, t = model.predict(x[training:], raw_score=True), y[training:]
    if level is None:
        loss = float(np.mean(np.logaddexp(0, -f * (2 * t - 1))))
    else:
        loss += float(np.mean(np.maximum(level * (t - f), (level - 1) * (t - f)))) / len(levels)
    wall += time.perf_counter() - pause[0]
    cpu += time.process_time() - pause[1]
print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": loss}))
