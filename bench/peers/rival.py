"""One contender of Python's world in a process of its own: scikit-learn or faiss.

    rival.py METHOD matrix=FILE n=N d=D k=K iterations=I threads=T [start=FILE] [seed=S] [starts=S]
             [only=seeding|fit] [centres=FILE]

METHOD: lloyd, elkan (scikit-learn), faiss.  Prints one JSON line.
A pass is the time of I iterations less that of 2, over I - 2; fit_s is the whole call.
"""
import json
import sys
import time

import numpy as np

import matrix


def sklearn_fit(algorithm):
    from sklearn.cluster import KMeans

    def fit(x, k, centres, iterations, seed, starts=1):
        init = "k-means++" if centres is None else centres
        begin = time.perf_counter()
        model = KMeans(k, init=init, n_init=starts, max_iter=iterations, tol=0, algorithm=algorithm,
                       copy_x=False, random_state=seed).fit(x)
        return time.perf_counter() - begin, model.n_iter_, model.cluster_centers_.astype(np.float64)
    return fit


def faiss_fit(x, k, centres, iterations, seed):
    """faiss has no stop: it does the iterations that it is given."""
    import faiss
    model = faiss.Kmeans(x.shape[1], k, niter=iterations, max_points_per_centroid=len(x), seed=seed)
    begin = time.perf_counter()
    model.train(x, init_centroids=centres)
    return time.perf_counter() - begin, iterations, model.centroids.astype(np.float64)


def seeding(x, k, seed):
    """scikit-learn's k-means++ alone."""
    from sklearn.cluster import kmeans_plusplus
    begin = time.perf_counter()
    kmeans_plusplus(x, k, random_state=seed)
    return time.perf_counter() - begin


def quietly(work):
    """Warnings of iterations that ended early are what the bench asks for."""
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


def main(method, *arguments):
    option = dict(argument.split("=", 1) for argument in arguments)
    n, d, k = (int(option[name]) for name in "ndk")
    iterations, seed = int(option.get("iterations", 14)), int(option.get("seed", 1))
    x = matrix.read(option["matrix"], n, d)
    centres = None
    if "start" in option:
        centres = x[np.loadtxt(option["start"], dtype=np.int64, ndmin=1)].copy()
    if method == "faiss":
        import faiss
        faiss.omp_set_num_threads(int(option.get("threads", 1)))
    fit = {"lloyd": lambda: sklearn_fit("lloyd"), "elkan": lambda: sklearn_fit("elkan"),
           "faiss": lambda: faiss_fit}[method]()
    if option.get("only") == "seeding":
        quietly(lambda: seeding(x[:20000], min(k, 8), seed))  # warms up
        print(json.dumps({"seeding_s": seeding(x, k, seed)}))
        return
    # scikit-learn takes the columns' means off x in place and puts them back: last bits change, for all alike.
    only_fit = option.get("only") == "fit"
    rest = [int(option["starts"])] if "starts" in option else []
    quietly(lambda: fit(x[:20000], min(k, 8), None, 2, seed))  # warms up
    short, short_done = (0.0, 0) if only_fit else quietly(lambda: fit(x, k, centres, 2, seed))[:2]
    long, done, found = quietly(lambda: fit(x, k, centres, iterations, seed, *rest))
    if "centres" in option:
        found.tofile(option["centres"])
    is_longer = done > short_done and long > short  # not so when it is over at once
    pass_s = (long - short) / (done - short_done) if is_longer else long / done
    print(json.dumps({"iterations": done, "fit_s": long, "pass_s": pass_s}))


main(*sys.argv[1:])
