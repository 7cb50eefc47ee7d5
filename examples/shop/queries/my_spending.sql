-- What the caller spent, and in how many orders.
-- returns row
SELECT count(DISTINCT o.id) AS order_count, coalesce(sum(l.total_cents), 0) AS spent_cents
FROM customers c
JOIN orders o ON o.customer_id = c.id AND o.status <> 'cancelled'
JOIN order_lines l ON l.order_id = o.id
WHERE c.user_id = auth.uid()
