def svg(matrix): return "<svg/>"
