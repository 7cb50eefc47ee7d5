-- Who may do what (GRANT), and to which rows (CREATE POLICY). What is not granted here does not exist for a caller.
-- Roles: `anon` has no token; `authenticated` has one, and auth.uid() is its `sub`.

GRANT SELECT ON notes TO anon;
CREATE POLICY shared ON notes FOR SELECT TO anon, authenticated USING (shared);

GRANT SELECT, INSERT, UPDATE (body, shared), DELETE ON notes TO authenticated;
CREATE POLICY own ON notes FOR ALL TO authenticated
  USING (owner = auth.uid())
  WITH CHECK (owner = auth.uid());
