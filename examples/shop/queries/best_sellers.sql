-- The products that sold most since a day.
-- param since DATE default '2000-01-01'
-- param count INTEGER default 10
-- returns rows
SELECT p.id, p.name, sum(l.quantity) AS sold, sum(l.total_cents) AS revenue_cents
FROM order_lines l
JOIN orders o ON o.id = l.order_id
JOIN products p ON p.id = l.product_id
WHERE o.placed_at >= :since AND o.status <> 'cancelled' AND p.active
GROUP BY p.id
ORDER BY sold DESC, p.id
LIMIT CASE WHEN :count < 0 THEN 0 WHEN :count > 100 THEN 100 ELSE :count END
