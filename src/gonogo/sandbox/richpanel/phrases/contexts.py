"""What puts a finding in context: who has not bought yet, whose mistake it was, and the single words of last resort."""

from gonogo.sandbox.richpanel.phrases.notation import read_named

CONTEXTS = read_named(r"""
plan = \b<plan>\b
buying = \bbefore<s>(?:i|we)<s>(?:buy|order|purchase|commit|place)\b|\bthinking (?:of|about)<s>(?:buying|getting|
     ordering|purchasing)\b|\bif i (?:buy|order|purchase)\b|\bconsidering<s>(?:buying|purchasing|getting|
     ordering)\b|\binterested in<s>(?:buying|purchasing|ordering)\b|\blooking to (?:buy|order|purchase)\b|
     \b(?:haven't|have not|not) (?:bought|ordered|purchased) (?:yet|anything)\b
cancel_of_order = \bcancel\w*<s>(?:(?:my|the|this|an|our|that|last|latest|recent)<s>)?(?:orders?|purchase)\b
past_cancel = \b(?:i|we|i've|already|had|have|was|were|being)<s>cancelled\b|\bafter<s>cancel\w*
cancel_wish = \b(?:please|want|need|like|how|can|could|help|wish)<s>(?:to )?(?:cancel|stop|end|unsubscribe)\b
mailing = \b(?:unsubscrib\w+|opt\w* out|remove me|stop)<g>(?:e-?mails?|newsletters?|mailing|texts?|sms|marketing|
     list|messages)\b
wrong_place = (?<!be )(?<!being )\b(?:delivered|left|dropped|arrived|went|misdelivered)<g>(?:wrong|different|another|
     old|previous|neighbou?r\w*)\b
own_mistake = \b(?:i|we)(?:'ve| have| had)?<s>(?:accident\w* |mistaken\w* )?(?:ordered|order|picked|chose|selected|
     bought|clicked|entered|put)<s>(?:in )?(?:the )?(?:wrong|incorrect)\b|
     \b(?:wrong|incorrect) (?:size|color|one|item|model|quantity) (?:was |got |i |we )?(?:ordered|selected|chosen|
     picked)\b|
     \bmy (?:mistake|bad|fault|error)\b
code = \b(?:<code>|code)\b
digital = \b(?:app|website|web site|log ?in|logging in|sign in|password|bluetooth|firmware|device|screen|crash\w*|
     verification)\b
software_broken = \b(?:app|website|site|page|links?|checkout|login|portal|code|coupon|button on (?:your|
     the) (?:site|website|page))<s>(?:is|are|was|seems|appears|looks)?<s>(?:broken|dead|down|expired|damaged|
     cracked)\b|\bbroken<s>(?:link|page|site|website|app|code|checkout)\b|
     \bexpired<s>(?:code|coupon|card|link|promo\w*|discount|voucher|gift)\b|
     \b(?:code|coupon|card|link|offer|discount|voucher|promo\w*)<g>expired\b|
     \bbroke(?:n)? (?:english|promises?|heart\w*)\b
any_damage = \b(?:box|package|parcel|arrived|came|received|item|product|glass|bottle|packag\w+|shipping|transit|
     delivered)\b
returned = \b(?:i|we|i've|already|have|had|been)<s>(?:returned|sent<g>back|shipped<g>back)\b|
     \b(?:you|warehouse|tracking|return)<g>(?:received|got|arrived|delivered)\b<x>\brefund
refund_status = \b(?:where|when|status|still|haven't|hasn't|not|never|yet|waiting|update)\b<g>refund\w*|
     \brefund<g>(?:yet|status|taking|still|where|pending|not|hasn't|haven't|when)\b
do_you_have = \b(?:do (?:you|u)|does (?:it|this)|is (?:it|this)|are (?:these|they))<s>(?:have|sell|carry|stock|make|
     offer|come|available)\b
has_bought = \b(?:i|we|i've|we've|my|our)<s>(?:ordered|bought|purchased|received|order|package|purchase|got)\b
parcel_question = \bwhere\b|\btrack\w*|\bstatus\b|\bupdate\b|\beta\b
parcel = \b<order>\b|\bshipp\w+\b|\b(?:ordered|bought)\b
ship_to = \bhow long<g>(?:ship\w*|deliver\w*|take)\b
own_parcel = \b(?:my|our|the|this)<s>(?:orders?|packages?|parcels?|shipments?|delivery|item|stuff|purchase)\b|
     \border #? ?\d{3,}|\bordered\b|\bbought\b
""")

# Single words that tell the matter when no phrase did, in the order in which they are asked.
CUES = read_named(r"""
chargeback_dispute = \bdisput\w+
legal_threat = \bcourt\b|\blegal(?:ly)?\b
cancel_subscription = \bsubscri(?:ption|be|bed)\b|\bmembership\b|\bauto ?-?renew\w*
cancel_order = \bcancel\w*
billing_issue = \bcharged\b|\bbilled\b|\binvoice\b|\bpayment\b|\breceipt\b|\bcharge\b
address_change_order_edit = (?<!email )(?<!e-mail )\baddress\b
delivered_not_received = \bdelivered\b
missing_items_in_shipment = \bmissing\b|\bincomplete\b
damaged_item = \bbad quality\b|\bpoor quality\b|\bdamage\w*|\bquality\b
wrong_item_received = \bwrong\b|\bincorrect\b
exchange_request = \breplac\w+|\btoo (?:small|big|large|tight|loose|long|short)\b|\bdifferent size\b
return_request = \breturns?\b|\bdoesn't fit\b
refund_request = \bmoney\b
order_status_tracking = \btrack\w*|\bpackages?\b|\bparcels?\b|\bshipments?\b|\bdelivery\b|\bshipping\b|\bshipped\b|
     \barriv\w+|\bcourier\b
technical_support = \blog ?-?in\b|\bpassword\b|\bapps?\b|\bwebsite\b|\binstall\w*|\bconnect\w*|\berrors?\b|
     \bbattery\b|\bbroken\b|\bset ?up\b|\bdevice\b|\baccount\b
promo_discount_issue = \bcode\b|\bsales?\b|\bdeals?\b|\boffers?\b|\bpoints\b
pre_purchase_question = \b(?:price|prices|pricing|stock|size|sizes|color|colors|product|products|model|models|buy|
     purchase)\b
""")
