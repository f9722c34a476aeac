// T-800, a flight recorder for AI agents: `t800 install opencode` has put this file here, `t800 uninstall opencode`
// takes it away. It does nothing unless recording is switched on (`t800 status`).
//
// opencode's events go as JSON lines into a pipe to one `t800-hook ingest`, which redacts and records them. A write is
// synchronous, so what was handed over survives the death of opencode; a full pipe is waited for by nobody.
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"

const START_MS = 15000 // how long to wait for the pipe: the first time, Python makes the settings
const WAIT_MS = 1500 // how long the end of opencode waits for the end of the trace
const MOST_QUEUED = 64 << 20 // bytes that wait in memory for a full pipe
const SMALL = 1000 // a line of so many characters is written whole or not at all
const LAST_EVENTS_MS = 500 // what may still come behind a dispose

/** Starts `t800-hook ingest`, and waits for what it says of its pipes: "" where nothing is to be recorded. */
async function start(hook, directory) {
  const options = { cwd: directory, detached: true, stdio: ["pipe", "pipe", "ignore"] }
  const child = spawn(hook, ["ingest", "--agent", "opencode", "--pipes"], options)
  child.unref()
  let told = ""
  await new Promise((resolve) => {
    child.on("error", resolve)
    child.stdin.on("error", resolve)
    child.stdout.on("error", resolve)
    child.stdout.on("close", resolve)
    child.stdout.on("data", (text) => {
      told += text
      if (told.endsWith("\n")) resolve()
    })
    setTimeout(resolve, START_MS).unref()
  })
  return { child, told }
}

/** The pipe to `t800-hook ingest`. */
class Recorder {
  constructor({ child, told }) {
    this.open = told.endsWith("\n")
    this.queue = []
    this.queued = 0
    this.lost = 0
    try {
      if (this.open) this.connect(JSON.parse(told))
    } finally {
      // It goes on when its input ends: the pipes are open here, or nobody wants them.
      child.stdin.end()
      child.stdout.destroy()
    }
  }

  connect(pipes) {
    const { O_RDONLY, O_WRONLY, O_NONBLOCK } = fs.constants
    this.events = fs.openSync(pipes.events, O_WRONLY | O_NONBLOCK)
    this.done = fs.openSync(pipes.done, O_RDONLY | O_NONBLOCK)
  }

  send(event) {
    if (!this.open) return
    const line = JSON.stringify(event) + "\n"
    if (this.queued > 0 || line.length > SMALL) return this.wait(Buffer.from(line))
    try {
      fs.writeSync(this.events, line)
    } catch (error) {
      if (error.code === "EAGAIN") this.wait(Buffer.from(line))
      else this.open = false
    }
  }

  wait(bytes) {
    if (this.queued + bytes.length > MOST_QUEUED) return void this.lost++
    this.queue.push(bytes)
    this.queued += bytes.length
    this.drain()
  }

  /** Writes what waits, as far as the pipe takes it; what is left is tried again soon. */
  drain() {
    while (this.queue.length > 0 && this.open) {
      let written = 0
      try {
        written = fs.writeSync(this.events, this.queue[0])
      } catch (error) {
        if (error.code !== "EAGAIN") this.open = false
        else if (!this.timer) this.timer = setTimeout(() => ((this.timer = undefined), this.drain()), 5)
        return
      }
      this.queued -= written
      if (written === this.queue[0].length) this.queue.shift()
      else this.queue[0] = this.queue[0].subarray(written)
    }
    if (this.lost > 0 && this.open) {
      const lost = this.lost
      this.lost = 0
      this.send({ lost })
    }
  }

  /** Ends the trace, and waits until it is whole. */
  finish() {
    if (this.events === undefined || this.finished) return
    this.finished = true
    const until = Date.now() + WAIT_MS
    while (this.open && this.queue.length > 0 && Date.now() < until) {
      this.drain()
      if (this.queue.length > 0) pause()
    }
    clearTimeout(this.timer)
    this.open = false
    fs.closeSync(this.events)
    while (Date.now() < until && !this.ended()) pause()
    fs.closeSync(this.done)
  }

  ended() {
    try {
      return fs.readSync(this.done, Buffer.alloc(1)) === 0
    } catch (error) {
      return error.code !== "EAGAIN"
    }
  }
}

function pause() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
}

/** What opencode's events mean in a trace. */
class Observer {
  constructor(recorder) {
    this.recorder = recorder
    this.sessions = new Map() // by id: { root, parent (the call that has started it) }
    this.calls = new Map() // model calls that are open, by session
    this.tools = new Set() // tool calls that are open, by callID
    this.tasks = new Map() // open task calls, by session: which of them has started a sub-agent is told later
    this.asked = new Map() // permissions that nobody has answered yet
    this.count = 0
  }

  /** An event of a session goes into the document of its root. */
  send(sessionID, event) {
    const known = this.sessions.get(sessionID)
    event.session = known?.root ?? sessionID
    if (known?.parent !== undefined && event.end === undefined) {
      event.agent_id ??= sessionID
      event.parent_id ??= known.parent ?? undefined
    }
    this.recorder.send(event)
  }

  checkpoint(sessionID, phase_name, status, attributes) {
    this.send(sessionID, { type: "checkpoint", phase_name, status, attributes })
  }

  session({ id, parentID, agent }) {
    if (this.sessions.has(id)) return
    if (!parentID) {
      this.sessions.set(id, { root: id })
      return this.checkpoint(id, "session", "started", agent && { agent })
    }
    const tasks = this.tasks.get(parentID) ?? []
    const parent = tasks.length === 1 ? tasks[0] : null
    this.sessions.set(id, { root: this.sessions.get(parentID)?.root ?? parentID, parent })
    this.checkpoint(id, "agent", "started", { agent })
  }

  turn(sessionID, parts) {
    const prompt = parts.filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text)
    this.checkpoint(sessionID, "turn", "started", { prompt: prompt.join("\n") })
  }

  idle(sessionID) {
    const agent = this.sessions.get(sessionID)?.parent !== undefined
    this.checkpoint(sessionID, agent ? "agent" : "turn", "completed")
  }

  // Model calls

  asks({ sessionID, agent, model, provider }) {
    const names = { model: model?.id, provider: model?.providerID ?? provider?.info?.id ?? provider?.id }
    if (agent === "title" || agent?.name === "title") {
      // Its answer is told to nobody: what it took and cost is unknown.
      const attributes = { agent: "title" }
      return this.send(sessionID, { type: "llm_call", ...names, success: null, attributes })
    }
    this.answers(sessionID, { success: null })
    const key = `llm-${++this.count}`
    const call = { key, began: performance.now(), texts: new Map(), agent: agent?.name ?? agent }
    this.calls.set(sessionID, call)
    this.send(sessionID, { type: "llm_call", begin: key, ...names })
  }

  /** A sign of an answer: the first one and the last one are of interest. */
  token(sessionID) {
    const call = this.calls.get(sessionID)
    if (!call) return
    call.last = performance.now()
    call.ttft ??= call.last - call.began
  }

  answers(sessionID, told) {
    const call = this.calls.get(sessionID)
    if (!call) return
    this.calls.delete(sessionID)
    const attributes = { agent: call.agent, ...told.attributes }
    const response = [...call.texts.values()].join("\n") || undefined
    const fields = { type: "llm_call", end: call.key, ttft_ms: call.ttft, response, ...told, attributes }
    // opencode tells of the end when the tools that were asked for have ended, too.
    if (call.last) fields.duration_ms = call.last - call.began
    this.send(sessionID, fields)
  }

  /** opencode counts cached tokens beside the input, and reasoning beside the output. */
  usage(part) {
    const { input = 0, output = 0, reasoning = 0, cache } = part.tokens ?? {}
    const { read = 0, write = 0 } = cache ?? {}
    this.answers(part.sessionID, {
      source_id: part.id,
      prompt_tokens: input + read + write,
      completion_tokens: output + reasoning,
      cached_tokens: read,
      cache_write_tokens: write,
      reasoning_tokens: reasoning,
      cost_usd: part.cost > 0 ? part.cost : undefined,
      success: part.reason !== "error",
      attributes: { finish_reason: part.reason },
    })
  }

  retry(sessionID, { attempt, message }) {
    const call = this.calls.get(sessionID)
    const recovery = { attempted: true, strategy: "retry" }
    const attributes = { attempt }
    this.send(sessionID, { type: "error", error_type: "llm_retry", message, recovery, attributes, parent_id: call?.key })
    this.answers(sessionID, { success: false })
  }

  fails(sessionID, error) {
    const name = error?.name ?? "unknown"
    const call = this.calls.get(sessionID)
    if (name === "MessageAbortedError") return this.answers(sessionID, { interrupted: true })
    const message = error?.data?.message ?? ""
    this.send(sessionID, { type: "error", error_type: name, message, parent_id: call?.key })
    this.answers(sessionID, { success: false })
  }

  // Tools

  uses(sessionID, tool, callID, args) {
    if (this.tools.has(callID)) return
    this.tools.add(callID)
    if (tool === "task") this.tasks.set(sessionID, [...(this.tasks.get(sessionID) ?? []), callID])
    this.send(sessionID, { type: "tool_call", begin: callID, tool, parameters: args ?? {} })
  }

  tool(part) {
    const { id, sessionID, callID, tool, state } = part
    const sub = state.metadata?.sessionId
    if (tool === "task" && sub && this.sessions.get(sub)?.parent === null) this.sessions.get(sub).parent = callID
    if (state.status === "running") return this.uses(sessionID, tool, callID, state.input)
    if (state.status !== "completed" && state.status !== "error") return
    this.uses(sessionID, tool, callID, state.input)
    if (this.tools.has(`ended ${callID}`)) return
    this.tools.add(`ended ${callID}`)
    if (tool === "task") this.tasks.set(sessionID, this.tasks.get(sessionID).filter((id) => id !== callID))
    const end = { type: "tool_call", end: callID, source_id: id }
    if (state.time?.end >= state.time?.start) end.duration_ms = state.time.end - state.time.start
    if (state.status === "completed") this.send(sessionID, { ...end, ...completed(state) })
    else this.toolFails(sessionID, tool, end, state)
  }

  toolFails(sessionID, tool, end, state) {
    if (state.metadata?.interrupted || /aborted$/.test(state.error ?? "")) {
      return this.send(sessionID, { ...end, interrupted: true })
    }
    const message = state.error ?? ""
    this.send(sessionID, { type: "error", error_type: "tool_failed", tool, message, parent_id: end.end })
    this.send(sessionID, { ...end, success: false })
  }

  // Decisions

  permission({ sessionID, requestID, permissionID, reply, response }) {
    const asked = this.asked.get(requestID ?? permissionID) ?? {}
    this.asked.delete(requestID ?? permissionID)
    const attributes = { permission: asked.permission ?? asked.type, patterns: asked.patterns ?? asked.pattern }
    const parent_id = asked.tool?.callID ?? asked.callID
    const outcome = reply ?? response
    this.send(sessionID, { type: "decision", decision_type: "permission", outcome, attributes, parent_id })
  }

  todos({ sessionID, todos }) {
    const outcome = {}
    for (const { status } of todos) outcome[status] = (outcome[status] ?? 0) + 1
    this.send(sessionID, { type: "decision", decision_type: "todo", outcome, attributes: { todos } })
  }

  part(part) {
    if (part.type === "tool") {
      if (part.state.status === "pending" || part.state.status === "running") this.token(part.sessionID)
      this.tool(part)
    } else if (part.type === "step-finish") this.usage(part)
    else if (part.type === "text" || part.type === "reasoning") {
      const call = this.calls.get(part.sessionID)
      if (call && part.text) this.token(part.sessionID)
      if (call && part.type === "text") call.texts.set(part.id, part.text)
    }
  }

  event({ type, properties: told }) {
    switch (type) {
      case "message.part.delta":
        return this.token(told.sessionID)
      case "message.part.updated":
        return this.part(told.part)
      case "session.created":
      case "session.updated":
        return this.session(told.info)
      case "session.status":
        return told.status.type === "retry" ? this.retry(told.sessionID, told.status) : undefined
      case "session.idle":
        return this.idle(told.sessionID)
      case "session.error":
        return told.sessionID ? this.fails(told.sessionID, told.error) : undefined
      case "session.compacted":
        return this.checkpoint(told.sessionID, "compaction", "completed")
      case "session.deleted":
        if (!told.info.parentID) this.recorder.send({ session: told.info.id, close: true })
        return
      case "permission.asked":
      case "permission.updated":
        return void this.asked.set(told.id, told)
      case "permission.replied":
        return this.permission(told)
      case "todo.updated":
        return this.todos(told)
    }
  }
}

function completed(state) {
  const exit = state.metadata?.exit
  const result = { result: state.output, success: typeof exit === "number" ? exit === 0 : true }
  if (typeof exit === "number") result.attributes = { exit_code: exit }
  return result
}

/** `t800-hook`, which `t800 install` has noted in the user's state directory. */
function find() {
  const base = process.env.XDG_STATE_HOME ?? ""
  const home = process.env.HOME || os.homedir()
  const hook = path.join(base.startsWith("/") ? base : path.join(home, ".local", "state"), "t800", "t800-hook")
  fs.accessSync(hook, fs.constants.X_OK)
  return hook
}

/** Nothing of ours ever fails in opencode. */
function quietly(work) {
  try {
    work()
  } catch {}
}

export const T800 = async ({ directory }) => {
  let recorder
  try {
    recorder = new Recorder(await start(find(), directory))
  } catch {}
  if (!recorder?.open) return {}
  const observer = new Observer(recorder)
  process.on("exit", () => quietly(() => recorder.finish()))
  return {
    event: async ({ event }) => quietly(() => observer.event(event)),
    "chat.message": async ({ sessionID }, { parts }) => quietly(() => observer.turn(sessionID, parts)),
    "chat.params": async (asked) => quietly(() => observer.asks(asked)),
    "tool.execute.before": async ({ tool, sessionID, callID }, { args }) =>
      quietly(() => observer.uses(sessionID, tool, callID, args)),
    dispose: async () => void setTimeout(() => quietly(() => recorder.finish()), LAST_EVENTS_MS).unref(),
  }
}
