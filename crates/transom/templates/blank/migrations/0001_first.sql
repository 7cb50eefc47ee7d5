-- Migrations are plain SQL, applied in the order of their numbers, each once and in a transaction of its own.
-- One that was applied is never changed again: `transom migrate new NAME` begins the next.

CREATE TABLE notes (
  id         INTEGER PRIMARY KEY,
  owner      TEXT NOT NULL,
  body       TEXT NOT NULL CHECK (body <> ''),
  shared     BOOLEAN NOT NULL DEFAULT FALSE,
  created_at TIMESTAMP NOT NULL DEFAULT (now())
);
CREATE INDEX notes_owner ON notes (owner, created_at);
