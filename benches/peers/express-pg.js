// The peer: Express with pg, hand-written SQL, every statement prepared once on each connection.
// node express-pg.js URL PORT WORKERS
const cluster = require("node:cluster");
const http = require("node:http");
const express = require("express");
const { Pool, types } = require("pg");

const [url, port, workers] = process.argv.slice(2);
if (cluster.isPrimary && Number(workers) > 1) {
  for (let worker = 0; worker < Number(workers); worker += 1) cluster.fork();
  process.on("SIGTERM", () => { for (const worker of Object.values(cluster.workers)) worker.kill(); process.exit(); });
} else {
  serve();
}

function serve() {
  // Whole numbers of 64 bits as numbers, and times as the database writes them: what the other servers answer.
  types.setTypeParser(20, Number);
  types.setTypeParser(1184, (text) => text);
  const pool = new Pool({ connectionString: url, max: 10 });
  const one = (id) => ({ name: "one", text: "SELECT * FROM products WHERE id = $1", values: [id] });
  const page = (category) => ({
    name: "page",
    text: `SELECT p.id, p.name, p.price, c.id AS category_id, c.name AS category_name
      FROM products p JOIN categories c ON c.id = p.category_id
      WHERE p.category_id = $1 ORDER BY p.price DESC LIMIT 20`,
    values: [category],
  });
  const insert = (row) => ({
    name: "insert",
    text: "INSERT INTO events (product_id, kind, amount, note) VALUES ($1, $2, $3, $4) RETURNING *",
    values: [row.product_id, row.kind, row.amount, row.note],
  });

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.get("/products/:id", async (request, response) => {
    response.json((await pool.query(one(Number(request.params.id)))).rows);
  });
  app.get("/page/:category", async (request, response) => {
    const { rows } = await pool.query(page(Number(request.params.category)));
    response.json(rows.map((row) => ({
      id: row.id, name: row.name, price: row.price,
      category: { id: row.category_id, name: row.category_name },
    })));
  });
  app.post("/events", express.json(), async (request, response) => {
    response.status(201).json((await pool.query(insert(request.body))).rows);
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
