package statistics

import "math"

// Power is the chance of finding a difference that RequiredPerGroup plans for.
const Power = 0.8

// RequiredPerGroup is how many values a group (or pairs) are needed to find a
// difference of means with 80 % power in a two-sided test at level alpha, if
// sd2 is the sum of both variances (or the variance of the differences of
// pairs): the normal approximation with Guenther's correction for the t test,
//
//	n = (z_{1-α/2} + z_{0.8})² · sd2/difference² + z_{1-α/2}²/4   (two groups; /2 for pairs)
//
// (W. C. Guenther, The American Statistician 35, 1981). It is 0 where the
// number cannot be had: no spread is known, or there is no difference.
func RequiredPerGroup(difference, sd2, alpha float64, paired bool) int {
	if !(sd2 > 0) || difference == 0 || math.IsNaN(difference) {
		return 0
	}
	za := z(1 - alpha/2)
	correction := za * za / 4
	if paired {
		correction = za * za / 2
	}
	n := (za+z(Power))*(za+z(Power))*sd2/(difference*difference) + correction
	if n > 1e9 {
		return 0
	}
	return max(2, int(math.Ceil(n)))
}
