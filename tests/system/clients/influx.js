// influx.js URL TOKEN: writes points whose value is their number, until its input ends. Prints what was written when it was,
// and what was given up.
const {InfluxDB, Point} = require('@influxdata/influxdb-client');
const api = new InfluxDB({url: process.argv[2], token: process.argv[3]}).getWriteApi('org', 'bucket', 'ns', {
  batchSize: 5, flushInterval: 100, minRetryDelay: 500, maxRetryDelay: 1000, retryJitter: 50,
  writeSuccess: lines => lines.forEach(line => console.log(line.match(/number=(\d+)i/)[1])),
  writeFailed: (error, lines, attempt) => { if (attempt > 5) console.log(`failed ${lines.length} ${error}`); },
});
let number = 0;
const timer = setInterval(() => api.writePoint(new Point('m').tag('host', 'a').intField('number', ++number)), 20);
process.stdin.resume();
process.stdin.on('end', () => { clearInterval(timer); api.close().then(() => process.exit(0)); });
