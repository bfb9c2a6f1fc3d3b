"""Everything outside, behind ports. Vendor words stop at the folder of their connector."""
