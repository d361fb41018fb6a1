"""How two sets of pictures compare: measures that need numpy alone.

    sliced_wasserstein.py  local structure by scale: Laplacian pyramid patches (Karras et al. 2018)
    ms_ssim.py             likeness of two pictures; how varied a set is (Wang et al. 2003)
    kernel_distance.py     KID and Frechet distance of features (Binkowski 2018, Heusel 2017)
    precision_recall.py    share of pictures that could be real; share of the real that is reached
    nearest.py             the nearest training picture: is a generator copying?

Knows arrays: pictures are uint8 (N, H, W, 3), features float (N, d). Knows no network, no file and no
brand. Every function gives the same numbers for the same arguments; what is random draws from `seed`.
"""
