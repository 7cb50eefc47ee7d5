CREATE ROLE member;

GRANT SELECT ON categories, products TO anon, member;
GRANT SELECT ON guarded TO member;
GRANT SELECT, INSERT ON events TO anon;

CREATE POLICY everyone ON categories FOR SELECT TO PUBLIC USING (true);
CREATE POLICY everyone ON products FOR SELECT TO PUBLIC USING (true);
CREATE POLICY own_tenant ON guarded FOR SELECT TO member USING (tenant = auth.jwt() ->> 'tenant');
CREATE POLICY anyone ON events FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
