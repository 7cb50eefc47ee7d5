-- How many products are for sale.
-- returns scalar
SELECT count(*) AS product_count FROM products WHERE active
