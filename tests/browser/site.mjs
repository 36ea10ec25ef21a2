// A site on an origin of its own, which serves the files of a folder.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { freePort } from './harness.mjs';

const kinds = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

/** Static web server. */
export class Site {
  /** @param {string} folder */
  static async start(folder) {
    const site = new Site();
    const port = await freePort();
    site.base = `http://127.0.0.1:${port}`;
    site.server = http.createServer(async (request, response) => {
      const { pathname } = new URL(request.url, site.base);
      const file = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
      try {
        const body = await readFile(path.join(folder, path.normalize(file)));
        const type = kinds[path.extname(file)] ?? 'application/octet-stream';
        response.writeHead(200, { 'content-type': type }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise((listening) => site.server.listen(port, '127.0.0.1', listening));
    return site;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
