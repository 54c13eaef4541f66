# Writes sobol.txt beside it: points of scipy's unscrambled Sobol' sequence, as
# coordinates · 2^32 in hexadecimal, one line "index: coordinates" a point.
#
#   pip install scipy==1.17.1 && python sobol.py > sobol.txt
from scipy.stats import qmc

dimensions = 40
print("# python sobol.py > sobol.txt, with scipy 1.17.1")
for index in [*range(16), 31, 100, 1000, 4095, 65535, 99_999]:
    points = qmc.Sobol(dimensions, scramble=False, bits=32)
    if index:
        points.fast_forward(index)
    print(f"{index}:", *(f"{int(x * 2**32):08x}" for x in points.random(1)[0]))
