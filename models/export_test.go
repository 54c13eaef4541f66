package models

// ScaledDotProduct is attention without its projections, for its test.
var ScaledDotProduct = scaledDotProduct
