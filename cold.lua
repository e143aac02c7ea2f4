request=function() return wrk.format("GET","/cold/"..math.random(0,99).."/"..math.random(0,999)..".html") end
