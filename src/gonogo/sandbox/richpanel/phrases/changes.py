"""The phrases about stopping, changing and paying for an order or a plan."""

from gonogo.sandbox.richpanel.phrases.notation import read_named, read_phrases

WORDS = read_named(r"""
plan = (?:subscriptions?|memberships?|auto[ -]?(?:renew\w*|ship\w*|deliver\w*|refill\w*|pay\w*|order\w*|
     replenish\w*|bill\w*)|recurring(?: \w+)? (?:orders?|charges?|payments?|billing|deliver\w+|plan|shipments?|
     box\w*)|monthly (?:plan|box\w*|orders?|deliver\w+|charges?|payments?|shipments?|refills?|renewal)|(?:premium|
     annual|yearly|monthly|weekly|current|pro|my|the|this|your|our) plan|subscribe (?:and|&|n) save|(?:free )?trial|
     renewals?|subscriber)
stop = (?:cancel\w*|stop\w*|end|ending|terminat\w+|discontinu\w+|turn(?:ing)?(?: it)? off|switch(?:ing)? off|
     deactivat\w+|opt(?:ing)? out|unenroll|pause|pausing|get rid of|get out of|quit|drop|withdraw\w*|don't (?:want|
     need)|do not (?:want|need|renew)|don't renew|no longer (?:want|need|wish)|not (?:want|renew)|disable|halt|kill|
     leave|freeze|skip)
addr = (?:(?<!email )(?<!mail )(?<!ip )address(?:es)?|(?:apartment|apt|unit|suite|house|flat|street|phone|
     door) (?:number|no|#)|apartment|apt|zip(?: ?codes?)?|post ?codes?|postal codes?|(?:delivery|
     shipping) (?:details|info\w*|location|destination)|street(?: name)?|spelling)
fix = (?:chang\w+|updat\w+|correct\w*|fix\w*|edit\w*|modif\w+|amend\w*|switch\w*|replac\w+|alter\w*|adjust\w*|
     redirect\w*|reroute\w*|forgot|left (?:off|out)|mistake|error|typo\w*|mistyped|misspell\w*|misspelt|wrong|
     incorrect|old|previous|outdated|mess\w* up|put in)
charged = (?:charged(?! (?:it|the (?:device|battery|phone|unit)))|billed|debited|deducted|invoiced)
""")

CANCEL_SUBSCRIPTION = read_phrases(r"""
1    \b<stop><g><plan>\b
1    \b<plan><g>(?:cancel\w*|stopped|ended|terminated|turned off|discontinued|switched off|deactivated|paused)\b
1    \b(?:don't|do not|not|won't|no longer)<s>(?:want|wish|like|need)<g>(?:auto[ -]?\w+|renew\w*|subscribed|
     subscribe|a member)\b
1    \bunsubscrib\w+|\bunenroll\w*
1    \b(?:stop|quit|cease)<s>(?:charging|billing|sending|shipping|taking|debiting|renewing)<g>(?:<plan>|every|each|
     monthly|month|weekly|automatically|auto)\b
1    \bcancel\w*<s>(?:my |the |our )?(?:account|member|plan|service)\b
1    \b(?:not|don't|doesn't|won't)<s>(?:auto[ -]?)?renew\b|\bturn off<s>renew\w*
1    \bremove me from<s>(?:subscription|membership|auto\w*|recurring|monthly|program\w*|plan)\b
1    \bout of<s>(?:subscription|membership|plan)\b|\b(?:final|last|no more|no further)<s>(?:monthly|subscription|
     recurring)<s>(?:box\w*|orders?|shipments?|deliver\w+|payments?|charges?)\b
1    \b<plan><x>\b(?:don't|do not|no longer|not)<s>(?:want|need|wish|continue|interested)\b
1    \b(?:don't|do not|stop|no longer)<s>(?:send|ship|charge|bill|want)<g>(?:any more|anymore|more)<g>(?:box\w*|
     refills?|shipments?|deliver\w+|monthly)\b
1    \b(?:turn|switch|shut)<s><plan><s>off\b
""")

CANCEL_ORDER = read_phrases(r"""
1    \bcancel\b|\bcancelling\b
1    \bcancellations?\b(?! (?:policy|fee))|\b(?:i|we)(?:'ve| have| had)?<s>cancelled<s>(?:order|purchase|it)\b
1    \b(?:get|want|need|like|be|getting|wanted|have (?:it|this|that|my \w+|the \w+|order #?\d+))<s>cancelled\b
1    (?<!why )(?<!you )\b(?:stop|halt|don't|do not|abort|call off|scrap|void|undo|back out of|pull|revoke|
     withdraw)<s>(?:ship\w*|send\w*|process\w*|fulfil\w*|dispatch\w*|mail\w*|post\w*)<s>(?:<parcel>|it|them|that|
     this)\b
1    \b(?:stop|halt|abort|call off|scrap|void|undo|back out of|revoke|kill|nix|withdraw)<s>(?:my |the |this |that |
     our )(?:\w+ )?<parcel>\b
0.6  \b(?:order\w*|purchas\w*|bought|placed)<g>(?:by (?:mistake|accident)|accident\w*|in error|unintentional\w*)\b
0.6  \b(?:accident\w*|mistaken\w*|unintentional\w*)<s>(?:order\w*|purchas\w*|bought|placed|hit|clicked|submitted|
     checked out)\b
0.6  \b(?:no longer|don't|do not)<s>(?:want|need)<g>(?:orders?|purchases?|it|them)\b
0.4  \bchanged my mind\b
0.5  \bbefore<g>(?:ships?|shipped|shipping|goes out|sent|leaves|dispatched|dispatch)\b|
     \b(?:hasn't|not|haven't)<s>shipped yet\b
0.6  \b(?:placed|ordered|submitted|went through)<g>(?:twice|two times|duplicate)\b|
     \b(?:duplicate|double|same)<s>orders?\b
0.5  \b(?:only|just)<s>(?:want|need|meant|wanted|needed)<g>(?:one|1|single)\b
0.5  \b(?:stop|undo|reverse|remove|drop) (?:it|this|that|them)\b
1    \b(?:want|need|like|get|have)<g>order<s>(?:stopped|halted|pulled|withdrawn|voided|revoked|undone)\b
""")

ADDRESS_CHANGE = read_phrases(r"""
1    \b<fix><g><addr>\b
1    \b<addr><g>(?:wrong|incorrect|outdated|old|changed?|updated?|corrected|typo|mistake|misspelled|missing|
     not right|not correct|no longer|fixed|edited|error)\b
1    \b(?:new|different|another|alternate|alternative|other|correct|right) <addr>\b<x><order>|<order><x>\b(?:new|
     different|another|alternate|alternative|correct) <addr>\b
1    \b(?:ship|send|deliver|redirect|reroute|forward|divert|redeliver|sent|shipped|delivered|mail)\b<g>to (?:my |a |
     the |an |our )?(?:new|different|another|other|work|office|parents?'?|mom's|mum's|dad's|friend's|neighbor's|
     neighbour's|sister's|brother's|alternate|alternative|job|workplace)(?:<s>(?:address|place|house|home|apartment|
     instead|office|flat))
0.7  \b(?:moved|moving|relocat\w+|move)\b<g>(?:house|home|place|apartment|flat|state|city|recently|out|new|to a)\b|
     \b(?:i|we|i'm|we're|i've|we've)(?: are| am| have)?(?: just| recently)? (?:moved|moving)\b
0.5  \b(?:ship|send|deliver|order|package|parcel|address)\w*\b<x>(?<!not )(?<!been )\b(?:moved|moving|relocat\w+)\b|
     \b(?:moved|moving|relocat\w+)\b<x>\b(?:ship|send|deliver|order|package|parcel|address)\w*\b
1    \b(?:chang\w+|edit\w*|modif\w+|amend\w*|adjust\w*|alter\w*|revis\w+|update|updating) (?:my|the|this|an|our|
     existing|recent)<s>(?:(?:recent|last|current|existing|latest|pending) )?(?:orders?|purchase|
     quantit\w+)\b(?! (?:status|number|confirmation))
1    \b(?:add|remove|include|take|drop|delete|swap|squeeze)\b<g>(?:to|from|off|on|onto|in|into) (?:my |the |an |
     this |that |our )(?:\w+ )?(?:order|purchase|shipment)\b
1    \b(?:chang\w+|edit\w*|switch\w*|modif\w+|adjust\w*|updat\w+|swap\w*)<g>(?:size|colors?|quantit\w+|flavors?|
     flavours?|variant|style|model|scent|shipping method|shipping option|shipping speed|delivery (?:date|day|time|
     option|slot|window))<x>(?:order\b|before it|ordered|not shipped|hasn't shipped|just placed|placed)
1    \b(?:order\w*|just placed|placed)\b<x>\b(?:chang\w+|edit\w*|switch\w*|modif\w+|adjust\w*|updat\w+)<g>(?:size|
     colors?|quantit\w+|flavors?|flavours?|variant|scent|shipping method|shipping option|shipping speed|
     delivery (?:date|day|time|option|slot|window))\b(?<!received)
1    \b(?:chang\w+|switch\w*|upgrad\w+|updat\w+)<g>(?:shipping method|shipping option|shipping speed|
     delivery (?:date|day|time|option|slot|window)|express shipping|overnight shipping|expedited)\b
1    \bhold<s>(?:my|the|our)<s>(?:order|package|shipment|delivery|parcel)\b|\bcombine<g>orders\b|
     \bgift (?:message|note|receipt|wrap\w*)<g>(?:order|purchase)\b|\bmake it (?:two|three|2|3|4|\d+) instead\b
0.6  \bordered<s>(?:the )?wrong (?:quantity|amount|number)\b
1    \b(?:name|recipient)<g>(?:order|package|label|shipment)<g>(?:wrong|incorrect|change\w*|misspel\w+|
     correct\w*)\b|\b(?:wrong|incorrect|misspel\w+|change|correct)<s>(?:name|recipient)<g>(?:order|package|label|
     shipment)\b
1    \bold (?:place|house|apartment|home|flat|residence)\b
1    \b(?:increase|decrease|reduce|change|update|bump|adjust|lower|raise)<s>quantity\b
1    \b(?:change|fix|edit|correct|update|switch|amend)<s>(?:it|that|this|them)<s>before\b
""")

BILLING = read_phrases(r"""
1    \b(?:<charged>|paid|payment|charges?|took|taken|pay)<g>(?:twice|two times|double|2 times|three times|
     multiple times|again|more than once|thrice|several times|over and over|too much|wrong(?:ly)?|incorrect\w*|
     extra|by mistake|in error)\b
1    \b<charged><g>(?:more than|higher|for something|for an order|for (?:a|an|items?|things?) i|before|after|
     even though|although|every month|each month|monthly|full amount|the wrong|different amount)\b
1    \b(?:double|duplicate|extra|wrong|incorrect|unexpected|unknown|strange|weird|random|mystery|unrecognized|
     unrecognised|multiple|second|additional|hidden|erroneous|mistaken|surprise|unexplained|unfamiliar|odd|bogus|
     pending|two|2|three|3)<s>(?:charg(?:es?|ing)|payments?|transactions?|bill(?:s|ing)?|fees?|debits?|withdrawals?|
     invoices?|deductions?)\b
1    \bover[ -]?(?:charg|bill)\w*|\bmis-?charged\b|\bdouble[ -]?(?:charg|bill)\w*|\bbilling\b(?! address)
1    \b(?:don't|do not|didn't|did not|can't|cannot)<s>(?:recogni[sz]e|understand|know|identify|remember|
     explain)<g>(?:charges?|payments?|transactions?|bill|fees?|debit|amount|charged)\b
1    \bwhat(?:'s| is| are| was)<g>(?:charges?|fees?|transaction|bill|debit) (?:for|on|from|of|about|i)\b|
     \bwhy<g>(?:<charged>|charging|bill(?:ing)? me|taking money|took money|deduct\w*|charges? on)\b
1    \b(?:<charged>|payment|paid|money)<w>(?:but|and|though|yet|however|without)<g>(?:no (?:order|confirmation|
     email|receipt)|order (?:didn't|did not|never|failed|isn't|doesn't)|failed|declined|not showing|doesn't show|
     never went through)\b
1    \b(?:payment|card|transaction|apple pay|google pay|klarna|afterpay|credit card|debit card)s?<g>(?:declin\w+|
     fail\w*|rejected|won't go|not go\w*|did not go|didn't go|not accept\w*|not process\w*|won't process|denied|
     refused|not going through|bounced)\b
1    \b(?:declin\w+|reject\w*|refus\w+)<s>(?:my )?(?:card|payment)\b
1    \b(?:send|need|get|want|have|copy|request|download|provide|resend|email|issue|find|where)\w*<g>(?:invoices?|
     receipts?(?! of)|billing statement|proof of (?:payment|purchase))\b|
     \b(?:invoice|bill|receipt)<g>(?:wrong|incorrect|missing|error|mistake|doesn't)\b
1    \b(?:amount|total|bill|charge|invoice)s?<g>(?:wrong|incorrect|doesn't match|does not match|not match|differs?|
     different from|different than|mismatch|higher than|more than|not what|doesn't add up|not correct|not right)\b
1    \b(?:still|keep|keeps|kept|continue|continues|continued)<s>(?:being |getting |to be |to )?(?:charged|charging|
     charge me|billed|billing|bill me|debiting)\b|\b(?:charg|bill)(?:ing|ed) me<s>(?:every|each) month\b
1    \b(?:money|funds|cash|\$ ?\d[\d.,]*|£ ?\d[\d.,]*|€ ?\d[\d.,]*|\d+ (?:dollars|pounds|euros|bucks))<g>(?:taken|
     deducted|debited|withdrawn|came out|left my|gone from|missing from|took)\b|
     \b(?:took|taken|taking|withdrew|deducted|debited)<g>(?:from|out of)<s>(?:bank|account|card|paypal|balance)\b
1    \bpayment<s>(?:issues?|problems?|questions?|errors?|mistake)\b|\b(?:issue|problem|question|error|mistake|
     query)<s>(?:with|about|on|regarding)<s>(?:payment|bill|invoice|charges?)\b
1    \b(?:updat\w+|chang\w+|replac\w+|remov\w+|expired)<s>(?:my |the |our )?(?:credit |debit |new |saved )*(?:card|
     payment (?:method|info\w*|details)|credit card|billing info\w*|billing details)\b
1    \bcharged<g>(?:tax|taxes|vat|duty|duties|customs|import|fees?|shipping)\b
0.7  \b<charged>\b|\b(?:charge|charges) on (?:my|the)\b
0.5  \b(?:total|checkout|amount|subtotal)\b
1    \b(?:extra|additional|unexpected)<s>[$£€] ?\d+|[$£€] ?\d+<s>(?:extra|charge|fee)\b
0.5  \b(?:bank|credit card|card|account) statement\b|\b(?:bank account|credit card|debit card|my card)\b
1    \b<charged><w>(?:but|and|though|yet)<g>(?:not|never|didn't|haven't|no)<g>confirmation\b
""")
