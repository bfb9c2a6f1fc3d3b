// emulate's Slack, with what it lacks of the real one: an event subscription (EVENTS_URL), fields of events and users that it
// leaves out, the `app_mention` beside a message, and methods that only read asked by GET.
import { readdirSync } from 'node:fs'

const dist = new URL('./node_modules/emulate/dist/', import.meta.url)
let slack
for (const name of readdirSync(dist).filter((name) => name.endsWith('.js') && name !== 'index.js'))
  slack ??= (await import(new URL(name, dist))).SERVICE_REGISTRY?.slack
const load = slack.load.bind(slack)
slack.load = async () => {
  const loaded = await load()
  const register = loaded.plugin.register
  loaded.plugin.register = (app, ...rest) => {
    app.use('*', reads(app))
    register(app, ...rest)
  }
  return { ...loaded, seedFromConfig: (store, base, config, webhooks) => {
    loaded.seedFromConfig(store, base, config, webhooks)
    webhooks.register({ url: process.env.EVENTS_URL, events: ['*'], active: true, owner: 'slack' })
    complete(store, webhooks)
  } }
}

const reads = (app) => async (context, next) => {
  const { method, url } = context.req.raw
  if (method === 'GET') {
    const form = { 'Authorization': context.req.header('Authorization'), 'Content-Type': 'application/x-www-form-urlencoded' }
    const at = new URL(url)
    return app.fetch(new Request(at.origin + at.pathname, { method: 'POST', headers: form, body: at.search.slice(1) }), context.env)
  }
  const json = context.json.bind(context)
  context.json = (told, ...rest) =>
    json(typeof told?.user === 'object' ? { ...told, user: { ...told.user, is_email_confirmed: true } } : told, ...rest)
  await next()
}

function complete(store, webhooks) {
  const channels = store.collection('slack.channels', ['channel_id', 'name'])
  const users = store.collection('slack.users', ['user_id', 'email'])
  const dispatch = webhooks.dispatch.bind(webhooks)
  webhooks.dispatch = async (name, action, payload, owner, repo) => {
    const event = payload?.event
    if (owner !== 'slack' || !event) return dispatch(name, action, payload, owner, repo)
    const bot = users.all().find((user) => user.is_bot)
    const channel = channels.findOneBy('channel_id', event.channel)
    if (channel && event.type === 'message')
      event.channel_type ??= channel.is_im ? 'im' : channel.is_mpim ? 'mpim' : channel.is_private ? 'group' : 'channel'
    event.event_ts ??= event.ts ?? `${payload.event_time}.000000`
    payload.authorizations ??= [{ enterprise_id: null, team_id: payload.team_id, user_id: bot.user_id, is_bot: true, is_enterprise_install: false }]
    await dispatch(name, action, payload, owner, repo)
    const mentioned = event.type === 'message' && !event.subtype && event.channel_type !== 'im' && event.user !== bot.user_id &&
      String(event.text).includes(`<@${bot.user_id}>`)
    if (mentioned)
      await dispatch(name, action, { ...payload, event_id: payload.event_id + 'M', event: { ...event, type: 'app_mention', channel_type: undefined } }, owner, repo)
  }
}

await import('./node_modules/emulate/dist/index.js')
