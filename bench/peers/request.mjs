// The request every queue makes for a job: the same form to the same sink as herald's.
import http from 'node:http';

const sink = new URL(process.env.SINK_URL);
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
const account = 'AC00000000000000000000000000000000';
const authorization = `Basic ${Buffer.from(`${account}:secret`).toString('base64')}`;
const callback = 'http://127.0.0.1:8080/twilio/status?m=00000000000070008000000000000000&a=1&s=00000000000000000000000000000000';

// Sends one text and resolves with what was answered.
export function send({ to, body }) {
  const form = new URLSearchParams({ To: to, From: '+15005550006', Body: body, StatusCallback: callback }).toString();
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        agent,
        host: sink.hostname,
        port: sink.port,
        method: 'POST',
        path: `/2010-04-01/Accounts/${account}/Messages.json`,
        headers: {
          authorization,
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(form),
        },
      },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 201) reject(new Error(`the sink answered ${response.statusCode}`));
          else resolve(JSON.parse(Buffer.concat(parts).toString()).sid);
        });
      },
    );
    request.on('error', reject);
    request.end(form);
  });
}

// The n-th text.
export function text(n) {
  return { to: `+1201${String(n).padStart(7, '0')}`, body: '\u23f0 Water the plants is due 5 pm' };
}
