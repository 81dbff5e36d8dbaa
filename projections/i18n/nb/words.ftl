## Methods, as they stand in a list.

method-password = passord
method-totp = autentiseringsapp
method-webauthn = sikkerhetsnøkkel
method-push = godkjenning på telefonen
method-sms = SMS-kode
method-bankid = BankID
method-recovery-code = gjenopprettingskode
method-support-code = kode fra brukerstøtte
method-email-link = e-postlenke
method-manager = en kollegas bekreftelse
method-unknown = ukjent metode
list-two = { $head } og { $last }

## Devices, in words made from what they claim to be.

device-browser-os = { $browser }, { $os }
device-one = { $name }
device-unknown = en ukjent enhet
no-name = (uten navn)

## What something was confirmed for.

purpose-sign-in = en innlogging
purpose-sign-in-strong = en innlogging i to trinn
purpose-payment = en betaling
purpose-settings = en endring av sikkerhetsinnstillinger
purpose-export = en nedlasting av opplysningene dine
purpose-password-reset = en tilbakestilling av passordet
purpose-replace-factor = erstatningen av en autentikator
purpose-verify-email = en e-postadresse
purpose-unknown = en handling

## Why a proof or an attempt was refused.

reason-wrong = opplysningen var feil
reason-reused = koden var allerede brukt
reason-expired = koden var for gammel
reason-not-available = metoden kunne ikke brukes
reason-too-many-attempts = for mange forsøk
reason-no-longer-possible = kontoen ble endret i mellomtiden
reason-unknown = årsaken er ikke bevart

## Why something ended or was taken away.

cause-signed-out = fordi du logget ut
cause-ended-by-user = fordi du avsluttet den
cause-password-changed = fordi passordet ble byttet
cause-device-lost = fordi en enhet ble meldt tapt
cause-device-forgotten = fordi enheten ble fjernet fra listen
cause-forgotten = fordi enheten ble fjernet fra listen
cause-not-me = fordi aktivitet ble meldt som ikke din
cause-idle = fordi den ikke ble brukt
cause-expired = fordi tiden gikk ut
cause-erased = fordi kontoen ble slettet
cause-factor-removed = fordi en autentikator ble fjernet
cause-recovery-code-used = fordi en gjenopprettingskode ble brukt
cause-support-code-used = fordi en kode fra brukerstøtte ble brukt
cause-policy-tightened = fordi reglene ble strengere
cause-two-step-disabled = fordi totrinnsbekreftelsen ble slått av
cause-revoked-by-user = fordi du trakk klareringen tilbake
cause-removed-by-user = fordi du fjernet den
cause-replaced = fordi en ny tok plassen
cause-unknown = av en årsak som ikke er bevart

## Steps of a story.

step-identified = Konto oppgitt
step-started = Påbegynt
step-sent = { $methods }: sendt
step-ok = { $methods }: godtatt
step-numbered = { $methods } nummer { $count }: godtatt
step-refused = { $methods }: avvist, { $reason }
step-device-trusted = Andre trinn hoppet over på en klarert enhet
step-completed = Fullført
step-spent = Utført
step-failed = Mislykket
step-expired = For sent
step-abandoned = Avbrutt
step-reported = Meldt som ikke deg

## Who did it.

actor-user = Du
actor-anonymous = Noen som ennå ikke hadde vist hvem det er
actor-system = Automatisk
actor-support = Brukerstøtte
actor-officer = Etterlevelse
actor-operator = Drift

## Time and fallbacks.

month-1 = januar
month-2 = februar
month-3 = mars
month-4 = april
month-5 = mai
month-6 = juni
month-7 = juli
month-8 = august
month-9 = september
month-10 = oktober
month-11 = november
month-12 = desember
moment = { $day }. { $month } { $year } kl. { $time } UTC
text-missing = Noe skjedde på kontoen din.
