-- Adds to a product's stock; a product without stock gets a row.
-- param product_id INTEGER
-- param quantity INTEGER
-- returns row
INSERT INTO stock (product_id, quantity, counted_on)
VALUES (:product_id, :quantity, CURRENT_DATE)
ON CONFLICT (product_id) DO UPDATE SET quantity = stock.quantity + excluded.quantity, counted_on = excluded.counted_on
RETURNING product_id, quantity
