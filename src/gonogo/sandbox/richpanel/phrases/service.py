"""The phrases about accounts, devices, offers, questions before buying and partnerships."""

from gonogo.sandbox.richpanel.phrases.notation import read_named, read_phrases

WORDS = read_named(r"""
app = (?:apps?|application|web ?sites?|site|web ?page|page|devices?|bluetooth|wi-?fi|screen|firmware|software|
     battery|buttons?|sensors?|remote|machine|unit|printer|camera|speakers?|watch|headphones?|earbuds?|headset|
     tablet|laptop|router|portal|checkout|cart|links?|login|product|motor|display|program|video|audio|sound|
     touch ?screen|hub|thermostat|gps|notifications?|form|blender|vacuum|heater|toothbrush|lamp|keyboard|mouse|
     drone|charger|light|tracker|console|fan|kettle|mixer|scale|console|projector|gadget|monitor|robot|smart \w+|
     plug|bulb|lock|doorbell|thermometer|app|trimmer|shaver|massager|diffuser|purifier|item|it|this|account|
     dashboard|phone|computer|mine|thing)
fail = (?:crash\w*|freez\w*|froze\w*|not work\w*|doesn't work|does not work|don't work|(?:isn't|aren't|wasn't|
     not) (?:even )?work\w*|won't work|stopped work\w*|quit work\w*|not respond\w*|unresponsive|glitch\w*|buggy|
     lagging|not load\w*|isn't (?:load|connect|pair|sync|charg|turn|respond)\w*|(?:won't|will not|doesn't|does not|
     don't|do not|didn't|can't|cannot|refuses to|refuse to) (?:load|open|turn|start|connect|pair|charge|sync|power|
     play|update|boot|respond|stay|hold|recogni[sz]e|launch|function|switch|spin)\w*|keeps? (?:crash|disconnect|
     freez|beep|blink|shut|log|turn|drop|restart|reset|giv|load|dy|tim|spin|cutt|buffer|logg|sign|reboot|kick)\w*|
     error\w*|malfunction\w*|blank|frozen|not (?:connect|pair|sync|charg|turn|load|open|respond|power|updat|
     function|start|switch)\w*|overheat\w*|blinking|flashing|disconnect\w*|dead|died|dies|unable to load|timed out|
     offline|acting up|(?:doesn't|don't|won't|does not) do anything|does nothing|(?:no|not) respon\w+|
     goes? (?:black|blank|dead)|lags)
code = (?:promo\w*|coupons?|discounts?|vouchers?|gift ?cards?|referral|rewards?|loyalty)
""")

TECHNICAL = read_phrases(r"""
1    \b(?:can't|cannot|can not|couldn't|unable to|not able to|won't let me|doesn't let me|not letting me|trouble|
     problems?|issues?|difficult\w*|struggling|failing|help|how do i|how can i|how to|keeps?|
     stuck)<g>(?:log(?:ging)? ?(?:in|on|into|out)|sign(?:ing)? ?(?:in|into|on|up)|login|signin|connect\w*|pair|
     pairing|sync\w*|set(?:ting)? ?up|setup|install\w*|download\w*|activat\w*|register\w*|password|reset\w*|
     access(?:ing)? (?:my|the|your) (?:account|app|site|website|portal|profile)|open(?:ing)? (?:the|your|my) (?:app|
     site|page|website|link)|turn(?:ing)? (?:it |the \w+ |this )?on|add\w*<s>(?:to )?(?:my |the )?(?:cart|basket|
     bag)|check ?out\b|checking out|complete (?:my |the )?(?:checkout|purchase)|place an order|get into my|
     configur\w*|calibrat\w*|load\w*|troubleshoot\w*|verify my (?:email|account)|create an account)\b
1    \b<app>s?<g><fail>\b
1    \b(?:stopped|quit|stops) (?:working|spinning|charging|connecting|responding|turning|loading|heating|cooling|
     playing|syncing|functioning|recording|pairing|powering|printing|blowing)\b|\bnot working\b|\bdoesn't work\b|
     \bisn't working\b|\bwon't (?:turn on|charge|start|connect|pair|power on|sync|load|open|switch on)\b|
     \bno power\b|\bnot (?:turning on|charging|connecting|pairing|syncing|loading|responding)\b|
     \b(?:hold|holding) (?:a |its )?charge\b|\bmalfunction\w*
1    \b(?:app|website|web site|site|page|portal|checkout page|login)<g>(?:down|broken|slow|buggy|bugs?|problems?|
     issues?|trouble|stuck|messed up|weird)\b|\b(?:bugs?|glitch\w*)<s>(?:in|on|with)<s>(?:app|site|website|page|
     checkout)\b
1    \btech(?:nical|nician)?<s>(?:support|issues?|problems?|help|difficult\w*|team|glitch|assistance|question|
     trouble)\b|\btroubleshoot\w*|\btech support\b
1    \breset<s>(?:my |the )?password\b|\bpassword<s>(?:reset|not|isn't|incorrect|wrong|doesn't)\b|
     \bforgot<s>(?:my )?(?:password|login|username|passcode|pin)\b|\blocked out\b|
     \baccount<s>(?:is |was |got |has been )?(?:locked|disabled|suspended)\b|\bverification (?:code|email|link)\b|
     \b2fa\b|\btwo[ -]factor\b|\botp\b|\breset link\b|\bactivation (?:code|link|email)\b
1    \bfactory reset\b|\bfirmware\b|\brebooted\b|\breboot\b|\bbluetooth\b|\bsoftware update\b|\bpairing mode\b|
     \bdriver (?:update|install)\w*|\breinstall\w*|\bunpair\w*|\bsetup (?:wizard|guide|process|instructions)\b
1    \bhow (?:do|can|should|would|to|does)<g>(?:set (?:it |this |my \w+ )?up|setup|install|connect|pair|reset|
     assemble|operate|activate|configure|calibrate|turn (?:it )?on|charge it|clean the|update the (?:app|firmware|
     software)|use the (?:app|device|product))\b
1    \berror (?:message|code|screen|\w?\d+|saying|when|on|that)\b|\b(?:get|getting|got|shows?|throws?|displays?|
     gives?|see|seeing|says|with)<s>(?:\w+ )?errors?\b|\b(?:404|500|502|503|403) (?:error|page)\b|
     \berror (?:404|500|502|503|403)\b|\b(?:blank|white|black|blue) (?:page|screen)\b|\btimed? ?out\b
1    \b(?:can't|cannot|unable to|couldn't|won't let me)<s>(?:access|get into|get in|get on|open|use|view|
     update my (?:profile|email|password))<s>(?:to |in )?(?:my |the |your )?(?:account|app|site|website|profile|
     page|device|order history)\b
1    \b(?:red|green|orange|yellow|blue|white|amber)<s>(?:lights?|led)<s>(?:\w+ )?(?:blink\w*|flash\w*|on|stays|
     keeps|is)\b|\b(?:blinking|flashing)<s>(?:red|green|orange|yellow|blue|white|amber|lights?|led)\b|
     \bled<g>blink\w*
1    \b(?:change|update|changing|updating)<s>(?:my |the )?e-?mail(?: address)?<g>(?:account|profile|login|file)\b|
     \bbattery<g>(?:drain\w*|dies|dead|last\w*|life)\b
0.6  \b(?:my|the|your|in|on) (?:app|website|browser|chrome|safari|iphone|android|laptop|firefox)\b|\binstructions\b|
     \bmanual\b
1    \b(?:install\w*|set ?-?up|login|log ?in|password|pairing|connection|connectivity|sync\w*|activation|software|
     website|app)<s>(?:help|issues?|problems?|trouble|questions?|errors?)\b
""")

PROMO = read_phrases(r"""
1    \b<code>\b
1    \bcode\b<g>(?:not|n't|doesn't|isn't|didn't|won't|invalid|expired|fail\w*|reject\w*|appl(?:y|ied|ies)|no longer|
     says|wouldn't)\b|\b(?:apply|applying|use|using|enter|entering|redeem\w*|add|forgot|missed|entered|used|tried|
     valid|invalid|working|expired)<s>(?:a |the |my |your |this |that |any )?(?:\w+ )?code\b
1    \b\d{1,2} ?(?:%|percent|per cent)(?: off)?\b(?! (?:battery|cotton|wool|polyester|silk|linen|organic|natural|
     sure))|\b(?:\$|£|€) ?\d+ off\b|\bpercent off\b|\bbogo\b|\bbuy one,? get one\b|\bblack friday\b|
     \bcyber monday\b|\bprice (?:match\w*|adjust\w*|drop\w*)\b|\bcash ?back\b|\brebate\b|\bstore credit\b|
     \bloyalty points?\b|\bmy points\b
1    \b(?:any|next|upcoming|current|a|the|flash|summer|winter|spring|holiday|on|your)<s>sales?\b(?! (?:team|rep\w*|
     person|department|tax|inquiry|enquiry|question))|\b(?:special|current|any|best|new customer|first order|
     welcome|intro\w*|sign ?-?up|free shipping)<s>(?:offers?|deals?|code|bonus)\b|
     \bdeals?\b<s>(?:today|now|available|going|right)\b|\bfree shipping<g>(?:not|n't|code|offer|threshold|apply|
     applied|didn't)\b
1    \b(?:offer|deal|sale price|promotion)<g>(?:not|n't|invalid|expired|won't|apply|applied|still (?:on|valid|
     available|running))\b|\bsale price\b|\bcheaper now\b|\bwent on sale\b
1    \b(?:accept|take|recogni[sz]e|work with|honor|honour)\w*<s>(?:code|offer|promotion|sale price)\b|
     \b(?:didn't|not|never|no|where|without)<g>free shipping\b
""")

PRE_PURCHASE = read_phrases(r"""
1    \b(?:do|does|is|are|will|can|would|could|has|have)(?:n't)? (?:you|this|the|it|these|your|they|that|those|u|any|
     y'all)<g>(?:ship (?:to|internationally|overseas|worldwide|abroad|outside)|deliver to|in stock|available|
     restock\w*|come in|come with|fit|fits|compatible|work with|work on|work for|waterproof|water[ -]?proof|
     water[ -]resistant|vegan|gluten|organic|safe (?:for|to)|suitable|machine[ -]wash\w*|dishwasher|made (?:of|in|
     from|with)|warranty|true to size|run (?:small|large|big|true)|cruelty|hypoallergenic|sell|carry|stock|offer|
     support|included?|contain\w*|size|good for|legit|eco|recyclable|adjustable|accept|take (?:paypal|klarna|apple|
     afterpay)|refillable|washable|rechargeable|fragrance|nut[ -]free|need (?:batteries|assembly|a)|require)\b
1    \bdo (?:you|u|y'all)<s>(?:guys )?(?:\w+ )?(?:have|make|do|ship|sell|carry|stock|offer|deliver|
     accept)\b(?! (?:my|a record|any (?:update|info\w*|news|record)|an update|the tracking))
1    \b(?:in|out of|back in) stock\b|\bsold out\b|\brestock\w*|\bpre-?order\w*|\bsize (?:guide|chart|
     recommend\w*)\b|\bsizing\b|\b(?:what|which) size\b|\btrue to size\b|\bruns? (?:small|large|big)\b|
     \bmeasurements\b|\bdimensions\b
1    \bhow many (?!days|weeks|times|more|hours|months|business|e-?mails|orders)\w+<s>(?:is|are|does|do|in|come|fit|
     per)\b|\bhow (?:big|tall|wide|heavy|thick|loud|powerful|soft|thin|bright|fast|old|strong|durable|much (?:does|
     is|are|do|would|for|to|weight))\b|\bhow long<s>(?:does|is|do)<s>(?:shipping|delivery|battery|the|it|standard|
     it last)\b|\b(?:price|cost) (?:of|for|range)\b|\bhow much\b|\bwarrant(?:y|ies)\b|\bguarantee\b|
     \bingredients?\b|\ballerg\w+|\bcompatib\w+|\bdifference between\b|\brecommend\w*
1    \b(?:thinking|thought) (?:of|about)<s>(?:buying|getting|ordering|purchasing|trying)\b|
     \binterested in<s>(?:buying|purchasing|ordering|your|getting|the|a|an|this|these|one)\b|
     \bbefore<s>(?:i|we)<s>(?:buy|order|purchase|commit|check ?out|place|pay|decide)\b|
     \bconsidering<s>(?:buying|purchasing|getting|ordering|a|the|your|this)\b|
     \blooking (?:to (?:buy|purchase|order|get)|for a|for an|for something|at your|at the|at buying|into buying)\b|
     \b(?:want|like|love|wish|hoping|wanting) to (?:buy|purchase|order)\b(?! (?:number|status))
1    \bbulk (?:orders?|discount|pricing|purchase)\b|\bwholesale\b|\bresell\w*|\bquote for\b|
     \bship(?:s|ping)? (?:to|internationally|overseas|worldwide|abroad)\b|\binternational shipping\b|
     \bshipping (?:costs?|fees?|rates?|prices?|options?|polic\w+|charges?|times?)\b|\bcost to ship\b
1    \bavailable in\b|\bavailability\b|\b(?:material|fabric)s?\b|\bwhere (?:are|is)<s>(?:it|they|these|this|
     your products?|your \w+)<s>(?:made|manufactured|sourced)\b|\bstore (?:locations?|hours|near)\b|
     \b(?:physical|retail|brick and mortar) (?:store|shop|location)s?\b|
     \bwhich (?:one|model|version|product|color|of)\b|\bpayment (?:methods|options|plans?)\b|
     \bcan i (?:buy|order|purchase|pre-?order)\b|\bwhere can i (?:buy|find|get|purchase)\b|\bcatalog(?:ue)?\b|
     \bdiscontinued\b|\bsales (?:team|rep\w*|inquiry|enquiry|question|person|department)\b|
     \bproduct (?:question|info\w*|details|inquiry|specs?)\b|\bquestions? (?:about|on|regarding) (?:a|the|your|this|
     one of) (?:\w+ )?(?:product|item|model|range|collection)s?\b|\bspecs\b|\bspecifications?\b|
     \b(?:assembly|batteries|subscription|experience) (?:required|needed|necessary|included)\b|
     \bopening (?:hours|times)\b|\bin[ -]store\b|\bsuitable for\b|\bsafe for\b|\bgood for\b|
     \bcome in (?:other|any|a|black|white|red|blue|green|pink|different|size)\b
1    \bif i (?:buy|order|purchase)\b|\bgift for (?:my|a|him|her)\b|\bis (?:it|this|that) (?:worth|legit|
     real leather|genuine)\b|\bwill (?:it|this|these|the \w+) (?:fit|work|suit|hold|last)\b|
     \bcan (?:it|this|these|the \w+) be (?:used|washed|worn|adjusted|installed|personali[sz]ed|engraved|
     customi[sz]ed)\b|\b(?:engrav|personali[sz]|customi[sz])\w+\b
1    \bcan i<s>(?:use|wear|wash|pay|mix|take|bring|pick up|try|get this|see)\b|
     \bis there (?:a|an|any) (?:way to try|store|shop|showroom|sample|version|size|model)\b
""")

INFLUENCER = read_phrases(r"""
1    \binfluencers?\b|\bcollab\w*|\bbrand (?:ambassador|deals?|partner\w*|rep\w*)\b|\bambassadors?\b|
     \bsponsor\w*|\baffiliate\w*|\bcontent creat\w+|\bcreators?\b|\bugc\b|\bpartnerships?\b|
     \bpartner(?:ing)? (?:with|up)\b|\bmedia kit\b|\bpress (?:inquiry|kit|enquiry|request)\b
1    \b(?:\d[\d.,]*\s?(?:k|m|thousand|million)?\+?|my|our|of|many|audience and) (?:\w+ )?(?:followers|subscribers|
     viewers)\b|\b(?:youtuber|tiktoker|blogger|vlogger|streamer|instagrammer|podcaster)s?\b
1    \b(?:promote|feature|showcase|review|advertise|shout ?out)\b<g>(?:your|products?|brand|items?)<g>(?:on|my|
     channel|page|audience|followers|blog|podcast|instagram|youtube|tiktok|stream|social)\b|
     \bpromot(?:e|ing)<s>(?:your|the)<s>(?:brand|products?|company|store|line)\b
1    \b(?:youtube|tiktok|instagram|twitch|insta|facebook|pinterest)<s>(?:channel|page|account|creator|audience|
     profile)\b<x>\b(?:review|feature|promot\w+|samples?|brands?|work (?:together|with)|your products?)\b
1    \bmy<s>(?:\w+ )?(?:youtube|tiktok|instagram|twitch|podcast|blog|ig)\b<s>(?:channel|page|account|audience|
     followers|feed)?<x>\b(?:review|feature|promot\w+|product|sample\w*|brand|free|work together|video)\b
1    \bpr (?:packages?|list|box|team|samples?)\b|\bfree (?:products?|samples?|items?|merch\w*|stuff)<g>(?:exchange|
     return for|review\w*|posts?|videos?|followers|content)\b|\bin exchange for<g>(?:posts?|reviews?|content|
     exposure|videos?|stor(?:y|ies)|promotion|shout ?out)\b|\bmarketing (?:opportunit\w+|inquiry|enquiry|proposal|
     campaign|partner\w*|agency|team|manager)\b|\bunboxing\b|\bshout ?-?outs?\b|
     \bpaid (?:post|partnership|promotion|content)s?\b|\bgiveaway<g>(?:with|host|together|page|followers)\b|
     \bwork(?:ing)? (?:together|with your brand|with your company)\b<x>\b(?:instagram|tiktok|youtube|brand|content|
     followers|social|post|audience)\b
1    \bsend (?:me |us )?(?:some |your )?pr\b|\bpr (?:opportunit\w+|collab\w*|contact|inquiry)\b
""")
