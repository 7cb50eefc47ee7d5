// The peer: Express with better-sqlite3, hand-written SQL, every statement prepared once.
// node express.js DATABASE PORT NORMAL|FULL WORKERS
const cluster = require("node:cluster");
const http = require("node:http");
const express = require("express");
const Database = require("better-sqlite3");

const [file, port, synchronous, workers] = process.argv.slice(2);
if (cluster.isPrimary && Number(workers) > 1) {
  for (let worker = 0; worker < Number(workers); worker += 1) cluster.fork();
  process.on("SIGTERM", () => { for (const worker of Object.values(cluster.workers)) worker.kill(); process.exit(); });
} else {
  serve();
}

function serve() {
  const database = new Database(file);
  database.pragma("journal_mode = WAL");
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma("foreign_keys = ON");

  const one = database.prepare("SELECT * FROM products WHERE id = ?");
  const page = database.prepare(`
    SELECT p.id, p.name, p.price, c.id AS category_id, c.name AS category_name
    FROM products p JOIN categories c ON c.id = p.category_id
    WHERE p.category_id = ? ORDER BY p.price DESC LIMIT 20`);
  const insert = database.prepare(
    "INSERT INTO events (product_id, kind, amount, note) VALUES (@product_id, @kind, @amount, @note) RETURNING *");

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.get("/products/:id", (request, response) => {
    response.json([one.get(Number(request.params.id))]);
  });
  app.get("/page/:category", (request, response) => {
    response.json(page.all(Number(request.params.category)).map((row) => ({
      id: row.id, name: row.name, price: row.price,
      category: { id: row.category_id, name: row.category_name },
    })));
  });
  app.post("/events", express.json(), (request, response) => {
    response.status(201).json([insert.get(request.body)]);
  });
  server(app).listen(Number(port), "127.0.0.1");
}

// Express exchanges the prototype of every request and response, which costs the engine its shapes: half of all its time.
// Made with the right prototype from the start, that exchange is none.
function server(app) {
  function Request(socket) { http.IncomingMessage.call(this, socket); }
  function Response(request, options) { http.ServerResponse.call(this, request, options); }
  Request.prototype = app.request;
  Response.prototype = app.response;
  return http.createServer({ IncomingMessage: Request, ServerResponse: Response }, app);
}
