// What every driver of this folder shares: it asks the test to visit an address with the browser, waits for the answer on a
// loopback port, and says what it saw, one line of JSON each.
import { once } from "node:events";
import { createServer } from "node:http";

export const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

// callback listens for the answer of the authorization server; next() waits for the one that comes next.
export async function callback() {
  const waiting = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, redirectUri);
    if (url.pathname !== "/callback") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "text/html" }).end("<title>Done</title><link rel=\"icon\" href=\"data:,\"><h1>The client has its answer</h1>");
    waiting.shift()?.(url);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const redirectUri = `http://127.0.0.1:${server.address().port}/callback`;
  return {
    redirectUri,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    close: () => server.close(),
  };
}

// visit lets the person of the test open url, and returns the address that they were sent to.
export async function visit(answers, url) {
  const answer = answers.next();
  say({ visit: String(url) });
  return answer;
}

// refused runs what must fail, and returns what the client says of it.
export async function refused(run) {
  try {
    await run();
  } catch (error) {
    return { name: error.name, error: error.error ?? error.errorCode ?? error.cause?.error, message: error.message };
  }
  return { name: "", message: "it was not refused" };
}

// main says what run returns, or why it failed, and ends.
export async function main(run) {
  try {
    say({ done: await run() });
  } catch (error) {
    say({ failed: `${error.stack ?? error}${error.cause ? `\ncaused by: ${JSON.stringify(error.cause)} ${error.cause}` : ""}` });
  }
  process.exit(0);
}
