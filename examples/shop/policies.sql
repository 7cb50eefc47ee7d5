-- Who may do what (GRANT), and to which rows (CREATE POLICY). What is not granted here does not exist for a caller.
--
--   anon           no token: looks around
--   authenticated  a customer: `auth.uid()` is customers.user_id
--   staff          runs the shop

CREATE ROLE staff;

-- Everybody looks around.
GRANT SELECT ON categories, products, tags, product_tags, product_ratings TO anon, authenticated;
-- Reviews are public; who wrote them is not.
GRANT SELECT (id, product_id, rating, title, body, created_at) ON reviews TO anon;
GRANT SELECT (product_id, quantity) ON stock TO anon, authenticated;

CREATE POLICY everyone ON categories FOR SELECT TO anon, authenticated USING (true);
CREATE POLICY active_only ON products FOR SELECT TO anon, authenticated USING (active);
CREATE POLICY everyone ON tags FOR SELECT TO anon, authenticated USING (true);
CREATE POLICY of_visible_products ON product_tags FOR SELECT TO anon, authenticated
  USING (product_id IN (SELECT id FROM products));
CREATE POLICY everyone ON reviews FOR SELECT TO anon, authenticated USING (true);
CREATE POLICY everyone ON stock FOR SELECT TO anon, authenticated USING (true);
CREATE POLICY everyone ON product_ratings FOR SELECT TO anon, authenticated USING (true);

-- A customer sees and keeps their own row; user_id can be set once and never changed.
GRANT SELECT, INSERT ON customers TO authenticated;
GRANT UPDATE (email, name, address, born_on) ON customers TO authenticated;
CREATE POLICY own_row ON customers FOR ALL TO authenticated
  USING (user_id = auth.uid())
  WITH CHECK (user_id = auth.uid());

-- A customer's orders: placed as pending, cancelled while pending, never deleted.
GRANT SELECT ON orders, order_lines, order_totals TO authenticated;
GRANT INSERT (id, customer_id, note, deliver_after, status) ON orders TO authenticated;
GRANT UPDATE (note, deliver_after, status) ON orders TO authenticated;
CREATE POLICY own_orders ON orders FOR SELECT TO authenticated
  USING (customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()));
CREATE POLICY place_own ON orders FOR INSERT TO authenticated
  WITH CHECK (status = 'pending' AND customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()));
CREATE POLICY change_while_pending ON orders FOR UPDATE TO authenticated
  USING (status = 'pending' AND customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()))
  WITH CHECK (status IN ('pending', 'cancelled'));
CREATE POLICY own_totals ON order_totals FOR SELECT TO authenticated
  USING (customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()));

-- Lines follow their order, at the price the product has.
GRANT INSERT (order_id, line_no, product_id, quantity, unit_price_cents), UPDATE (quantity), DELETE
  ON order_lines TO authenticated;
CREATE POLICY own_lines ON order_lines FOR SELECT TO authenticated
  USING (order_id IN (SELECT id FROM orders));
CREATE POLICY add_while_pending ON order_lines FOR INSERT TO authenticated
  WITH CHECK (
    order_id IN (SELECT id FROM orders WHERE status = 'pending')
    AND EXISTS (SELECT 1 FROM products p WHERE p.id = product_id AND p.price_cents = unit_price_cents)
  );
CREATE POLICY change_while_pending ON order_lines FOR UPDATE TO authenticated
  USING (order_id IN (SELECT id FROM orders WHERE status = 'pending'));
CREATE POLICY remove_while_pending ON order_lines FOR DELETE TO authenticated
  USING (order_id IN (SELECT id FROM orders WHERE status = 'pending'));

-- A customer writes one review per product, in their own name.
GRANT SELECT, INSERT, UPDATE (rating, title, body), DELETE ON reviews TO authenticated;
CREATE POLICY write_own ON reviews FOR INSERT TO authenticated
  WITH CHECK (customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()));
CREATE POLICY change_own ON reviews FOR UPDATE TO authenticated
  USING (customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()));
CREATE POLICY remove_own ON reviews FOR DELETE TO authenticated
  USING (customer_id IN (SELECT id FROM customers WHERE user_id = auth.uid()));

-- Staff run the shop. A customer's birthday is not their business.
GRANT ALL ON categories, products, tags, product_tags, stock, orders, order_lines, reviews TO staff;
GRANT SELECT ON product_ratings, order_totals TO staff;
GRANT SELECT (id, user_id, email, name, address, created_at), UPDATE (email, name, address) ON customers TO staff;
CREATE POLICY staff ON categories FOR ALL TO staff USING (true);
CREATE POLICY staff ON products FOR ALL TO staff USING (true);
CREATE POLICY staff ON tags FOR ALL TO staff USING (true);
CREATE POLICY staff ON product_tags FOR ALL TO staff USING (true);
CREATE POLICY staff ON stock FOR ALL TO staff USING (true);
CREATE POLICY staff ON customers FOR ALL TO staff USING (true);
CREATE POLICY staff ON orders FOR ALL TO staff USING (true);
CREATE POLICY staff ON order_lines FOR ALL TO staff USING (true);
CREATE POLICY staff ON reviews FOR ALL TO staff USING (true);
CREATE POLICY staff ON product_ratings FOR SELECT TO staff USING (true);
CREATE POLICY staff ON order_totals FOR SELECT TO staff USING (true);

-- Staff whose token says they are in training look, and change nothing.
CREATE POLICY no_trainees ON orders AS RESTRICTIVE FOR UPDATE TO staff
  USING (coalesce(auth.jwt() ->> 'level', '') <> 'trainee');

-- Named queries (queries/*.sql), called at /rest/v1/rpc/NAME.
GRANT EXECUTE ON FUNCTION best_sellers TO anon, authenticated, staff;
GRANT EXECUTE ON FUNCTION my_spending TO authenticated;
GRANT EXECUTE ON FUNCTION restock TO staff;
GRANT EXECUTE ON FUNCTION cancel_stale_orders TO staff;
GRANT EXECUTE ON FUNCTION product_count TO anon, authenticated, staff;
