## Methods, as they stand in a list.

method-password = lösenord
method-totp = autentiseringsapp
method-webauthn = säkerhetsnyckel
method-push = godkännande i telefonen
method-sms = sms-kod
method-bankid = BankID
method-recovery-code = återställningskod
method-support-code = kod från supporten
method-email-link = e-postlänk
method-manager = en kollegas bekräftelse
method-unknown = okänd metod
list-two = { $head } och { $last }

## Devices, in words made from what they claim to be.

device-browser-os = { $browser }, { $os }
device-one = { $name }
device-unknown = en okänd enhet
no-name = (inget namn)

## What something was confirmed for.

purpose-sign-in = en inloggning
purpose-sign-in-strong = en inloggning i två steg
purpose-payment = en betalning
purpose-settings = en ändring av säkerhetsinställningar
purpose-export = en nedladdning av dina uppgifter
purpose-password-reset = en lösenordsåterställning
purpose-replace-factor = ersättningen av en autentiserare
purpose-verify-email = en e-postadress
purpose-unknown = en åtgärd

## Why a proof or an attempt was refused.

reason-wrong = uppgiften var fel
reason-reused = koden hade redan använts
reason-expired = koden var för gammal
reason-not-available = metoden kunde inte användas
reason-too-many-attempts = för många försök
reason-no-longer-possible = kontot ändrades under tiden
reason-unknown = orsaken har inte sparats

## Why something ended or was taken away.

cause-signed-out = för att du loggade ut
cause-ended-by-user = för att du avslutade den
cause-password-changed = för att lösenordet byttes
cause-device-lost = för att en enhet anmäldes förlorad
cause-device-forgotten = för att enheten togs bort från listan
cause-forgotten = för att enheten togs bort från listan
cause-not-me = för att aktivitet anmäldes som inte din
cause-idle = för att den inte användes
cause-expired = för att dess tid gick ut
cause-erased = för att kontot raderades
cause-factor-removed = för att en autentiserare togs bort
cause-recovery-code-used = för att en återställningskod användes
cause-support-code-used = för att en kod från supporten användes
cause-policy-tightened = för att reglerna skärptes
cause-two-step-disabled = för att tvåstegsverifieringen stängdes av
cause-revoked-by-user = för att du tog tillbaka förtroendet
cause-removed-by-user = för att du tog bort den
cause-replaced = för att en ny tog dess plats
cause-unknown = av en orsak som inte har sparats

## Steps of a story.

step-identified = Kontot angivet
step-started = Påbörjat
step-sent = { $methods }: skickat
step-ok = { $methods }: godtaget
step-numbered = { $methods } nummer { $count }: godtagen
step-refused = { $methods }: avvisat, { $reason }
step-device-trusted = Andra steget hoppades över på en betrodd enhet
step-completed = Slutfört
step-spent = Utfört
step-failed = Misslyckat
step-expired = För sent
step-abandoned = Avbrutet
step-reported = Anmält som inte du

## Who did it.

actor-user = Du
actor-anonymous = Någon som ännu inte visat vem det är
actor-system = Automatiskt
actor-support = Supporten
actor-officer = Regelefterlevnad
actor-operator = Drift

## Time and fallbacks.

month-1 = januari
month-2 = februari
month-3 = mars
month-4 = april
month-5 = maj
month-6 = juni
month-7 = juli
month-8 = augusti
month-9 = september
month-10 = oktober
month-11 = november
month-12 = december
moment = { $day } { $month } { $year } kl. { $time } UTC
text-missing = Något hände på ditt konto.
