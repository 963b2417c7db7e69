(() => {
  // Gradio's page asks with one request and reads all answers from one stream, which the server closes after the last.
  // A question asked between the server's closing and the page's hearing of it would never be answered: the page takes
  // the stream for open and opens no other. So the word of the closing is kept from the page while answers are to come,
  // and the stream is gone on with.
  const plainFetch = window.fetch;
  const asking = new Set(), awaited = new Set(), early = new Set();
  const settle = (event) => { if (!awaited.delete(event)) early.add(event); };

  const ask = async (request) => {
    const response = await plainFetch(request);
    const { event_id: event } = await response.clone().json().catch(() => ({}));
    if (event && !early.delete(event)) awaited.add(event);
    return response;
  };

  const messages = async function* (body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();  // not every browser iterates over a stream
    let text = "";
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        const whole = (text + piece.value).split("\n\n");
        text = whole.pop();
        yield* whole;
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  };

  // A stream is read to its end before its closing is told: the page drops the connection then, and a server that had
  // not ended yet would drop with it what was asked meanwhile.
  const answers = async function* (request, body) {
    for (let goesOn = true; goesOn;) {
      let closing = "";
      for await (const message of messages(body)) {
        const { msg, event_id: event } = JSON.parse(message.replace(/^data:\s*/, ""));
        if (msg === "process_completed") settle(event);
        if (msg === "close_stream") closing = message;
        else yield message + "\n\n";
      }
      await Promise.allSettled(asking);
      goesOn = closing !== "" && awaited.size > 0;
      if (goesOn) ({ body } = await plainFetch(request));
      else if (closing) yield closing + "\n\n";
    }
  };

  const read = async (request) => {
    const response = await plainFetch(request);
    if (!response.ok) return response;
    const parts = answers(request, response.body), encoder = new TextEncoder();
    const body = new ReadableStream({
      async pull(controller) {
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: () => parts.return(),
    });
    return new Response(body, response);
  };

  window.fetch = (resource, options) => {
    const { pathname } = new URL(resource.url ?? resource, location);
    if (!/\/queue\/(join|data)$/.test(pathname)) return plainFetch(resource, options);
    const request = new Request(resource, options);
    if (pathname.endsWith("data")) return read(request);
    const answer = ask(request);
    asking.add(answer);
    return answer.finally(() => asking.delete(answer));
  };
})();
