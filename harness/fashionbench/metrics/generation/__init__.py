"""Metrics of generated images: FID, KID, SSIM, PSNR, LPIPS, CLIP-S."""
