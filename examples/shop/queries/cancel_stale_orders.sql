-- Cancels orders that were pending before a time.
-- param before TIMESTAMP
-- returns nothing
UPDATE orders SET status = 'cancelled' WHERE status = 'pending' AND placed_at < :before
