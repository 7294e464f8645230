"""The map of the customers and the stability of the segments of a made-up Result (report_sample.py)."""
import math


def fill_map(result, wave):
    """Points in a round cloud for each segment around a place of its own."""
    drawn = result.map
    drawn.customers, drawn.left_out = 2377, max(0, len(result.segments) - 64)
    for name, share, loadings in (("Higher spend a year, higher visits a year, lower days since last visit", 0.64, (2, 1, 0)),
                                  ("Higher share of spend saved by discounts, more often coupons redeemed", 0.21, (4, 5))):
        axis = drawn.axes.add(discriminant=len(result.segments) > 1, share=share, name=name, low=-3.4, high=4.1)
        for i, feature in enumerate(loadings):
            axis.loadings.add(feature=feature, correlation=(0.8 - 0.15 * i) * (-1 if feature == 0 else 1))
    for segment in result.segments[:64]:
        x, y = 500 + 330 * wave(segment.id, 41), 500 + 330 * wave(segment.id, 43)
        one = drawn.segments.add(segment=segment.id, x=round(x), y=round(y))
        points = []
        for i in range(max(1, segment.size // 14)):
            turn, far = 2 * math.pi * wave(i, segment.id), 130 * abs(wave(i, segment.id, 9)) ** 0.7
            points.append((min(1000, max(0, round(x + far * math.cos(turn)))), min(1000, max(0, round(y + far * math.sin(turn))))))
        for place in sorted(points):
            one.xs.append(place[0])
            one.ys.append(place[1])


def fill_solutions(result):
    """Each solution has its smallest segment split off the first one of the solution before."""
    k, stability = len(result.segments), result.stability
    numbers = [n for n in range(max(2, k - 3), min(64, k + 4) + 1) if n <= max(k, 8)]
    for at, n in enumerate(numbers):
        solution = stability.solutions.add(k=n, chosen=n == k)
        share = 2300 // n // 10 * 10
        for s in range(n):
            one = solution.segments.add(customers=share)
            if at:
                one.slsa = 1 if s else 0.55
            if at + 1 < len(numbers):
                one.onward = 1 if s else 0.7
        for s in range(n if at + 1 < len(numbers) else 0):
            stability.flows.add(solution=at, to=s + 1, customers=share - 10, **{"from": s + 1})
            if s < 2:
                stability.flows.add(solution=at, to=n + 1, customers=share // 20 * 10, **{"from": s + 1})


def fill(result, wave):
    fill_map(result, wave)
    k = len(result.segments)
    if k < 2:
        return
    result.stability.customers = 2377
    if k != 12 and k <= 64:  # twelve: one number of segments only
        fill_solutions(result)
    for segment in result.segments[:64]:
        gorge = result.stability.gorges.add(segment=segment.id, sentence="With one segment fewer its customers were in one segment already.")
        gorge.counts.extend(round(120 * (abs(b - 9.5) / 9.5) ** (1 + segment.id % 5)) * 10 // 2 // 10 * 10 for b in range(20))
        gorge.customers = segment.size // 10 * 10
        if segment.id != 2:
            gorge.clear = 0.9 / segment.id
