// A control client in JavaScript, with the messages that proto/ has: asks, or follows the events to the last one.
//     node client.js GIVEN      with zeromq and protobufjs in NODE_PATH
// GIVEN is JSON: {proto, requests, key: {public, secret, server} or null, ask: [{kind, fields}...]}: one line of JSON a
// reply; or {proto, events, key, follow: true}: the same of each event, from the first that comes.
"use strict";
const protobuf = require("protobufjs");
const zmq = require("zeromq");

const given = JSON.parse(process.argv[2]);
const root = new protobuf.Root();
root.resolvePath = (_, target) => `${given.proto}/${target}`;
root.loadSync("strata/v1/control.proto");
const Request = root.lookupType("strata.v1.Request");
const Reply = root.lookupType("strata.v1.Reply");
const Event = root.lookupType("strata.v1.Event");

const asJson = { longs: String, enums: String, bytes: String };
const tell = (type, bytes) => console.log(JSON.stringify(type.toObject(type.decode(bytes), asJson)));
const options = { linger: 0, ...(given.key && {
    curvePublicKey: given.key.public, curveSecretKey: given.key.secret, curveServerKey: given.key.server }) };

async function ask() {
    const socket = new zmq.Dealer({ ...options, receiveTimeout: 20000 });
    socket.connect(given.requests);
    let id = protobuf.util.Long.fromString(process.hrtime.bigint().toString(), true);
    for (const { kind, fields } of given.ask) {
        id = id.add(1);
        const request = Request.fromObject({ id, deadlineMs: 15000, piece: 1, [kind]: fields });
        await socket.send(Request.encode(request).finish());
        const [bytes] = await socket.receive();
        if (!Reply.decode(bytes).id.equals(id)) throw new Error(`${kind}: the reply to another request`);
        tell(Reply, bytes);
    }
    socket.close();
}

async function follow() {
    const socket = new zmq.Subscriber({ ...options, receiveTimeout: 20000 });
    socket.subscribe();
    socket.connect(given.events);
    for await (const [bytes] of socket) {
        tell(Event, bytes);
        if (Event.decode(bytes).last) break;
    }
    socket.close();
}

(given.follow ? follow() : ask()).catch((problem) => {
    console.error(String(problem));
    process.exit(1);
});
