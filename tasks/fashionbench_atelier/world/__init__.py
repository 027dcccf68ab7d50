"""The generated world: products, people, outfits and what is said of them."""
